"""Documents against the JSON schemas in docs/, by PyPI's jsonschema."""

import json

import jsonschema


class Schemas:
    def __init__(self, docs):
        self.docs = docs
        self.validators = {}

    def errors(self, document):
        """What is wrong with a document, in words; its own "schema" key chooses the schema."""
        name = document["schema"].removeprefix("inquest.").split("/")[0]
        if name not in self.validators:
            schema = json.loads((self.docs / f"{name}.schema.json").read_text())
            self.validators[name] = jsonschema.validators.validator_for(schema)(schema)
        return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in self.validators[name].iter_errors(document)]
