// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// Makes the C structures of one frame in an arena.
///
/// The parts by subject are extensions in this folder. What the structures point to is copied into the arena, since
/// the bytes of a Swift string or array have no address that outlives a call.
///
/// A class, since its methods are passed as functions: see ``Reader``. (Bound to a noncopyable structure they crash
/// the compiler of 6.3.1.)
final class Builder {
    private let arena = Arena()

    /// Voids all structures made so far.
    func reset() {
        // What is encoded is bounded where it came in, so there is no budget.
        self.arena.reset(budget: .max)
    }

    /// Gives back large memory; voids all structures if there was any.
    func trim() { self.arena.trim() }

    /// A structure with the values of its generated initialiser.
    @inline(__always)
    func make<T>(_ initialize: (UnsafeMutablePointer<T>?) -> Void) -> UnsafeMutablePointer<T> {
        let structure = self.memory(MemoryLayout<T>.size).bindMemory(to: T.self, capacity: 1)
        initialize(structure)
        return structure
    }

    private func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
        guard let memory = self.arena.allocate(bytes) else {
            preconditionFailure("no memory for \(bytes) bytes of a frame to be sent")
        }
        return memory
    }

    func bytes(_ bytes: [UInt8]) -> Proto.Bytes {
        bytes.isEmpty ? Proto.Bytes() : bytes.withUnsafeBytes { self.copy($0) }
    }

    func text(_ text: String) -> Proto.Bytes {
        if text.isEmpty { return Proto.Bytes() }
        var text = text
        return text.withUTF8 { self.copy(UnsafeRawBufferPointer($0)) }
    }

    /// A text that a frame has no room for beyond so many bytes.
    func text(_ text: String, max: Int) -> Proto.Bytes {
        text.utf8.count <= max ? self.text(text) : self.text(text.prefix(utf8: max))
    }

    private func copy(_ bytes: UnsafeRawBufferPointer) -> Proto.Bytes {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return Proto.Bytes() }
        let memory = self.memory(bytes.count)
        memory.copyMemory(from: source, byteCount: bytes.count)
        return Proto.Bytes(len: bytes.count, data: memory.assumingMemoryBound(to: UInt8.self))
    }

    /// A repeated message.
    @inline(__always)
    func list<Element, T>(
        _ elements: [Element],
        _ make: (Element) -> UnsafeMutablePointer<T>
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<T>?>? {
        if elements.isEmpty { return nil }
        let memory = self.memory(elements.count * MemoryLayout<UnsafeMutablePointer<T>?>.stride)
        let list = memory.bindMemory(to: UnsafeMutablePointer<T>?.self, capacity: elements.count)
        for (index, element) in elements.enumerated() {
            (list + index).initialize(to: make(element))
        }
        return list
    }

    /// A repeated string.
    func texts(_ texts: [String]) -> UnsafeMutablePointer<Proto.Bytes>? {
        if texts.isEmpty { return nil }
        let memory = self.memory(texts.count * MemoryLayout<Proto.Bytes>.stride)
        let list = memory.bindMemory(to: Proto.Bytes.self, capacity: texts.count)
        for (index, text) in texts.enumerated() {
            (list + index).initialize(to: self.text(text))
        }
        return list
    }

    /// Repeated bytes.
    func byteLists(_ lists: [[UInt8]]) -> UnsafeMutablePointer<Proto.Bytes>? {
        if lists.isEmpty { return nil }
        let memory = self.memory(lists.count * MemoryLayout<Proto.Bytes>.stride)
        let list = memory.bindMemory(to: Proto.Bytes.self, capacity: lists.count)
        for (index, bytes) in lists.enumerated() {
            (list + index).initialize(to: self.bytes(bytes))
        }
        return list
    }

    /// Repeated numbers.
    func numbers(_ numbers: [UInt32]) -> UnsafeMutablePointer<UInt32>? {
        if numbers.isEmpty { return nil }
        let memory = self.memory(numbers.count * MemoryLayout<UInt32>.stride)
        let list = memory.bindMemory(to: UInt32.self, capacity: numbers.count)
        list.initialize(from: numbers, count: numbers.count)
        return list
    }

    /// A response in its serialized form.
    func packed(_ response: UnsafeMutablePointer<Proto.Response>, _ size: Int) -> UnsafeMutablePointer<UInt8> {
        let memory = self.memory(size).bindMemory(to: UInt8.self, capacity: size)
        fanout__v1__response__pack(response, memory)
        return memory
    }

    /// The number of an enum of the wire.
    func code(_ code: FailureCode?) -> Fanout__V1__FailureCode {
        Fanout__V1__FailureCode(rawValue: UInt32(code?.rawValue ?? 0))
    }

    /// A boolean of C.
    func flag(_ value: Bool) -> protobuf_c_boolean { value ? 1 : 0 }
}
