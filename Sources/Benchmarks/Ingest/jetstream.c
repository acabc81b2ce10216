// Publishes to NATS JetStream and counts what is acknowledged; compiled by the ingest benchmark where libnats is there.
// Arguments: URL, bytes of a message, publishers, messages in flight of all, seconds. Prints messages and seconds.
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *url;
static size_t bytes;
static int pending_max;
static double seconds;
static char *payload;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void require(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s: %s %s\n", what, natsStatus_GetText(status), nats_GetLastError(NULL));
    exit(1);
}

static void failed(jsCtx *stream, jsPubAckErr *error, void *closure) {
    (void)stream, (void)closure;
    fprintf(stderr, "not acknowledged: %s\n", error->ErrText);
    exit(1);
}

static void *publish(void *messages) {
    natsConnection *connection = NULL;
    jsCtx *stream = NULL;
    jsOptions options;
    require(natsConnection_ConnectTo(&connection, url), "connect");
    require(jsOptions_Init(&options), "options");
    // libnats makes the publisher wait when so many messages are not acknowledged.
    options.PublishAsync.MaxPending = pending_max;
    options.PublishAsync.ErrHandler = failed;
    require(natsConnection_JetStream(&stream, connection, &options), "JetStream");
    double end = now() + seconds;
    long count = 0;
    while (count % 64 != 0 || now() < end) {
        require(js_PublishAsync(stream, "bench.load", payload, (int)bytes, NULL), "publish");
        count++;
    }
    require(js_PublishAsyncComplete(stream, NULL), "wait for the acknowledgements");
    *(long *)messages = count;
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 6) return 64;
    url = argv[1];
    bytes = (size_t)atol(argv[2]);
    int publishers = atoi(argv[3]);
    pending_max = atoi(argv[4]) / publishers;
    seconds = atof(argv[5]);
    payload = malloc(bytes);
    memset(payload, 'x', bytes);

    natsConnection *connection = NULL;
    jsCtx *stream = NULL;
    jsStreamConfig config;
    const char *subjects[] = {"bench.>"};
    require(natsConnection_ConnectTo(&connection, url), "connect");
    require(natsConnection_JetStream(&stream, connection, NULL), "JetStream");
    require(jsStreamConfig_Init(&config), "configuration");
    config.Name = "BENCH";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    require(js_AddStream(NULL, stream, &config, NULL, NULL), "add a stream");

    pthread_t threads[64];
    long counts[64] = {0};
    double began = now();
    for (int i = 0; i < publishers && i < 64; i++) pthread_create(&threads[i], NULL, publish, &counts[i]);
    long total = 0;
    for (int i = 0; i < publishers && i < 64; i++) {
        pthread_join(threads[i], NULL);
        total += counts[i];
    }
    printf("%ld %f\n", total, now() - began);
    jsCtx_Destroy(stream);
    natsConnection_Destroy(connection);
    return 0;
}
