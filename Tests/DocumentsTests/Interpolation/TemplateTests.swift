import Documents
import Testing

@Suite struct TemplateTests {
    @Test(
        "References are two braces, spaces, a name",
        arguments: [
            ("{{a}}", ["a"]), ("{{  a  }}", ["a"]), ("x {{a}}{{ b.c }} y", ["a", "b.c"]), ("{{{a}}}", ["a"]),
            ("{{global:DATE}}", ["global:DATE"]), ("{{ssm:/a/b-c:3}}", ["ssm:/a/b-c:3"]), ("{{a.b[0]}}", ["a.b[0]"]),
            ("{a}", []), ("{{a}", []), ("{{ }}", []), ("{{}}", []), ("{{ a b }}", []), ("{{.State}}", []), ("{{a", []),
            ("{ {a} }", []), ("{{\ta}}", []), ("{{ {{a}} }}", ["a"]), ("", []), ("{{é}}", []), ("{{a}}}}", ["a"]),
        ])
    func references(text: String, names: [String]) {
        #expect(Template(text).references == names)
    }

    @Test(
        "The parts of a text put together are the text",
        arguments: ["", "a{{b}}c{{ d }}", "{{{a}}}", "{{x}}", "é{{a}}é"])
    func parts(text: String) {
        let joined = Template(text).parts.map { part in
            switch part {
            case .text(let text): text
            case .reference(_, let spelled): spelled
            }
        }
        #expect(joined.joined() == text)
    }

    @Test("Only a text that is one token and nothing else is single")
    func single() {
        #expect(Template("{{ a }}").single == "a")
        #expect(Template(" {{ a }}").single == nil)
        #expect(Template("{{ a }}{{ a }}").single == nil)
        #expect(Template("a").single == nil)
    }
}
