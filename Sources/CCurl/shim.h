#pragma once
#include <curl/curl.h>

// Swift cannot call functions with a variable number of arguments.

static inline CURLcode ops_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

/// For texts, which the library copies, and for lists and pointers, which it does not.
static inline CURLcode ops_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return curl_easy_setopt(handle, option, value);
}

typedef size_t (*ops_curl_receive)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode ops_curl_set_receivers(
    CURL *handle, ops_curl_receive header, ops_curl_receive body, void *context
) {
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, context);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, body);
    return curl_easy_setopt(handle, CURLOPT_WRITEDATA, context);
}

static inline long ops_curl_status(CURL *handle) {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/// The next transfer that has ended; NULL where there is none.
static inline CURL *ops_curl_next_done(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}
