#include "curl_calls.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

/// Debian's builds of the library differ in what they do TLS with; libmicrohttpd has loaded GnuTLS already.
static const char *const names[] = {"libcurl-gnutls.so.4", "libcurl.so.4"};

#define FUNCTIONS(USE) \
    USE(global_init) USE(multi_init) USE(multi_cleanup) USE(multi_add_handle) USE(multi_remove_handle) \
    USE(multi_perform) USE(multi_poll) USE(multi_wakeup) USE(multi_info_read) USE(easy_init) USE(easy_cleanup) \
    USE(easy_strerror) USE(easy_setopt) USE(easy_getinfo) USE(slist_append) USE(slist_free_all)

static struct {
#define MEMBER(name) __typeof__(curl_##name) *name;
    FUNCTIONS(MEMBER)
} curl;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int is_loaded = 0;
static char problem[256];

static int load(void) {
    void *library = NULL;
    for (size_t index = 0; library == NULL && index < sizeof names / sizeof *names; index++)
        library = dlopen(names[index], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(problem, sizeof problem, "libcurl cannot be loaded (package libcurl3-gnutls): %s", dlerror());
        return 0;
    }
#define FIND(name) \
    if ((curl.name = (__typeof__(curl.name))dlsym(library, "curl_" #name)) == NULL) { \
        snprintf(problem, sizeof problem, "libcurl is older than 7.68: it has no curl_" #name); \
        return 0; \
    }
    FUNCTIONS(FIND)
    if (curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) return 1;
    snprintf(problem, sizeof problem, "libcurl cannot be started");
    return 0;
}

const char *ops_curl_load(void) {
    pthread_mutex_lock(&mutex);
    if (!is_loaded) is_loaded = load();
    pthread_mutex_unlock(&mutex);
    return is_loaded ? NULL : problem;
}

CURLM *ops_curl_multi_init(void) { return curl.multi_init(); }

CURLMcode ops_curl_multi_cleanup(CURLM *multi) { return curl.multi_cleanup(multi); }

CURLMcode ops_curl_multi_add_handle(CURLM *multi, CURL *handle) { return curl.multi_add_handle(multi, handle); }

CURLMcode ops_curl_multi_remove_handle(CURLM *multi, CURL *handle) { return curl.multi_remove_handle(multi, handle); }

CURLMcode ops_curl_multi_perform(CURLM *multi, int *running) { return curl.multi_perform(multi, running); }

CURLMcode ops_curl_multi_poll(CURLM *multi, int milliseconds) {
    return curl.multi_poll(multi, NULL, 0, milliseconds, NULL);
}

CURLMcode ops_curl_multi_wakeup(CURLM *multi) { return curl.multi_wakeup(multi); }

CURL *ops_curl_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl.multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}

CURL *ops_curl_easy_init(void) { return curl.easy_init(); }

void ops_curl_easy_cleanup(CURL *handle) { curl.easy_cleanup(handle); }

const char *ops_curl_easy_strerror(CURLcode code) { return curl.easy_strerror(code); }

CURLcode ops_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ops_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl.easy_setopt(handle, option, value);
}

CURLcode ops_curl_set_receivers(CURL *handle, ops_curl_receive header, ops_curl_receive body, void *context) {
    curl.easy_setopt(handle, CURLOPT_HEADERFUNCTION, header);
    curl.easy_setopt(handle, CURLOPT_HEADERDATA, context);
    curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, body);
    return curl.easy_setopt(handle, CURLOPT_WRITEDATA, context);
}

long ops_curl_status(CURL *handle) {
    long status = 0;
    curl.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

struct curl_slist *ops_curl_slist_append(struct curl_slist *list, const char *text) {
    return curl.slist_append(list, text);
}

void ops_curl_slist_free_all(struct curl_slist *list) { curl.slist_free_all(list); }
