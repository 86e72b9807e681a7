public import Events
