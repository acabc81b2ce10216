import Core
import Testing

@Suite struct SubjectTests {
    @Test func isReadAsItIsWritten() throws {
        for kind in Subject.Kind.allCases {
            let subject = Subject(kind, "a/b:c")
            #expect(Subject(subject.description) == subject)
        }
        #expect(Subject("event/") == Subject(.event, ""))
        #expect(Subject("event") == nil && Subject("other/x") == nil && Subject("") == nil && Subject("Event/x") == nil)
    }

    @Test func aCauseKeepsPrincipalAndHops() {
        let context = OperationContext(principal: Principal("alice"), cause: Subject(.rule, "r"), hops: 3)
        let next = context.caused(by: Subject(.event, "e"))
        #expect(next == OperationContext(principal: Principal("alice"), cause: Subject(.event, "e"), hops: 3))
    }
}
