// The few functions of OpenSSL that the node binary exports and we use, declared here because not every
// distribution ships OpenSSL's headers beside Node's. These signatures are stable since OpenSSL 1.1.0.
#pragma once
#include <cstddef>

extern "C" {
typedef struct evp_md_ctx_st EVP_MD_CTX;
typedef struct evp_md_st EVP_MD;
typedef struct engine_st ENGINE;
EVP_MD_CTX* EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX* context);
const EVP_MD* EVP_sha256(void);
const EVP_MD* EVP_sha512(void);
int EVP_DigestInit_ex(EVP_MD_CTX* context, const EVP_MD* type, ENGINE* engine);
int EVP_DigestUpdate(EVP_MD_CTX* context, const void* data, size_t size);
int EVP_DigestFinal_ex(EVP_MD_CTX* context, unsigned char* out, unsigned int* size);
}
