#pragma once
#include <curl/curl.h>

// libcurl, loaded when it is first needed: with what it brings along it takes 5 MiB, and few servers call others.
// Its functions are here under the prefix ops_; those with a variable number of arguments, which Swift cannot call,
// by the kind of value.

/// Loads the library, unless it is loaded; to be called before everything else here. From any thread.
/// Returns NULL, or why it cannot be loaded: a text that stays.
const char *ops_curl_load(void);

CURLM *ops_curl_multi_init(void);
CURLMcode ops_curl_multi_cleanup(CURLM *multi);
CURLMcode ops_curl_multi_add_handle(CURLM *multi, CURL *handle);
CURLMcode ops_curl_multi_remove_handle(CURLM *multi, CURL *handle);
CURLMcode ops_curl_multi_perform(CURLM *multi, int *running);
/// Waits until a transfer has something to do, or for ops_curl_multi_wakeup.
CURLMcode ops_curl_multi_poll(CURLM *multi, int milliseconds);
CURLMcode ops_curl_multi_wakeup(CURLM *multi);
/// The next transfer that has ended; NULL where there is none.
CURL *ops_curl_next_done(CURLM *multi, CURLcode *result);

CURL *ops_curl_easy_init(void);
void ops_curl_easy_cleanup(CURL *handle);
const char *ops_curl_easy_strerror(CURLcode code);
CURLcode ops_curl_set_long(CURL *handle, CURLoption option, long value);
/// For texts, which the library copies, and for lists and pointers, which it does not.
CURLcode ops_curl_set_pointer(CURL *handle, CURLoption option, const void *value);
typedef size_t (*ops_curl_receive)(char *bytes, size_t size, size_t count, void *context);
CURLcode ops_curl_set_receivers(CURL *handle, ops_curl_receive header, ops_curl_receive body, void *context);
long ops_curl_status(CURL *handle);

struct curl_slist *ops_curl_slist_append(struct curl_slist *list, const char *text);
void ops_curl_slist_free_all(struct curl_slist *list);
