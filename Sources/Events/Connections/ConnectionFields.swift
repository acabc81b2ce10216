internal import API

/// The members of `AuthParameters`, as the API model has them.
enum ConnectionFields {
    private static let text: TextPattern = #"[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*"#
    private static let credential = Shape.string(length: 1...512, pattern: text)
    static let endpoint = Shape.string(
        length: 1...2048, pattern: #"((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?"#)

    /// - Parameter isUpdate: Whether members may be left out that keep their values then.
    static func authParameters(isUpdate: Bool) -> Shape {
        func member(_ name: String, _ shape: Shape) -> Field {
            isUpdate ? .optional(name, shape) : .required(name, shape)
        }
        return .structure([
            .optional(
                "BasicAuthParameters", .structure([member("Username", credential), member("Password", credential)])),
            .optional(
                "OAuthParameters",
                .structure([
                    member(
                        "ClientParameters",
                        .structure([member("ClientID", credential), member("ClientSecret", credential)])),
                    member("AuthorizationEndpoint", endpoint),
                    member("HttpMethod", .string(values: ["GET", "POST", "PUT"])),
                    .optional("OAuthHttpParameters", httpParameters),
                ])),
            .optional(
                "ApiKeyAuthParameters",
                .structure([member("ApiKeyName", credential), member("ApiKeyValue", credential)])),
            .optional("InvocationHttpParameters", httpParameters),
            .optional("ConnectivityParameters", .any),
        ])
    }

    private static let httpParameters = Shape.structure([
        .optional(
            "HeaderParameters",
            list(
                .string(length: 0...512, pattern: #"[!#$%&'*+-.^_`|~0-9a-zA-Z]+"#),
                .string(length: 0...512, pattern: #"[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*"#))),
        .optional(
            "QueryStringParameters",
            list(
                .string(length: 0...512, pattern: #"[^\x00-\x1F\x7F]+"#),
                .string(length: 0...512, pattern: #"[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+"#))),
        .optional("BodyParameters", list(.string(), .string())),
    ])

    private static func list(_ key: Shape, _ value: Shape) -> Shape {
        .list(
            .structure([.optional("Key", key), .optional("Value", value), .optional("IsValueSecret", .boolean)]),
            count: 0...100)
    }
}
