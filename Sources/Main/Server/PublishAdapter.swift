internal import API
internal import Bus
internal import Events

/// Hands PutEvents requests from the bus to the events engine; neither knows the other.
struct PublishAdapter: Bus.PublishHandler {
    let ingest: EventIngest

    func publish(_ requests: [Bus.PublishRequest]) {
        ingest.publish(
            requests.map { request in
                API.PublishRequest(body: request.body.bytes, principal: request.principal) { status, body in
                    request.reply(status: status, body: body)
                }
            })
    }
}
