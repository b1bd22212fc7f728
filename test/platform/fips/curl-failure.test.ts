import { expect, test } from "bun:test";
import { curlFailure } from "../../../src/platform/fips/curl-failure.ts";

test.each([
  [5, "", "ENOTFOUND"],
  [6, "", "ENOTFOUND"],
  [7, "curl: (7) Failed to connect to x port 1: Connection refused", "ECONNREFUSED"],
  [7, "curl: (7) Failed to connect to x port 1: No route to host", "EHOSTUNREACH"],
  [7, "curl: (7) Failed to connect to x port 1 after 0 ms: Couldn't connect to server", "FailedToOpenSocket"],
  [8, "", "Malformed_HTTP_Response"],
  [18, "", "ECONNRESET"],
  [28, "", "ETIMEDOUT"],
  [35, "curl: (35) error:0A00010B:SSL routines::wrong version number", "EPROTO"],
  [35, "curl: (35) Recv failure: Connection reset by peer", "ECONNRESET"],
  [35, "curl: (35) OpenSSL/3.0.22: error:06880006:asn1 encoding routines::EVP lib", "CERT_SIGNATURE_FAILURE"],
  [35, "curl: (35) error:02000084:rsa routines::data too large for modulus", "CERT_SIGNATURE_FAILURE"],
  [52, "", "ECONNRESET"],
  [55, "", "ECONNRESET"],
  [56, "", "ECONNRESET"],
  [56, "curl: (56) Too large response headers: 307203 > 307200", "ResponseHeadersTooLarge"],
  [60, "report 0 10", "CERT_HAS_EXPIRED"],
  [60, "report 0 9", "CERT_NOT_YET_VALID"],
  [60, "report 0 20", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"],
  [60, "report 0 7", "CERT_SIGNATURE_FAILURE"],
  [60, "report 200 19", "SELF_SIGNED_CERT_IN_CHAIN"],
  [60, "report 0 66", "CERT_REFUSED_66"],
  [
    60,
    "curl: (60) SSL: no alternative certificate subject name matches target host name 'x'\nreport 0 1",
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ],
  [77, "", "curl exit status 77"],
])("%d, %p is %s", (exitCode, said, code) => {
  expect(curlFailure(exitCode, said).code).toBe(code);
});

test.each([
  [56, 407],
  [7, 403],
  [97, 502],
])("%d with an answer %d of the proxy is a tunnel that was refused", (exitCode, status) => {
  expect(curlFailure(exitCode, `curl: (${exitCode}) CONNECT tunnel failed\nreport ${status} 1\n`)).toMatchObject({
    code: "ERR_PROXY_TUNNEL",
    status,
  });
});
