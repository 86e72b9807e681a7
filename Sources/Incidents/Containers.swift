import Events

// Names of containers: learned from events, given to the kills of those ids.

extension State {
    mutating func note(_ name: ContainerName) {
        containers.removeAll { $0.containerID == name.containerID && $0.podUID == name.podUID }
        if containers.count >= Bounds.containers { containers.removeFirst() }
        containers.append(name)
        // The runtime's files may come later than the kill of a container that has just begun.
        for index in open.indices {
            for kill in open[index].incident.kills.indices { open[index].incident.kills[kill].victim.learn(name) }
        }
    }
}

extension KillVictim {
    /// Takes up a name that is its container's, or its pod's.
    mutating func learn(_ name: ContainerName) {
        if name.containerID.isEmpty {
            guard !podUID.isEmpty, name.podUID == podUID else { return }
        } else {
            guard name.containerID == containerID else { return }
            containerName = name.name
        }
        (pod, namespace) = (name.pod, name.namespace)
    }
}
