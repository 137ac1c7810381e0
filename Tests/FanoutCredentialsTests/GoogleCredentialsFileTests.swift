// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutCredentials
import FanoutModel
import Testing

@Suite struct GoogleCredentialsFileTests {
    @Test func `a service account's key is read`() throws {
        let file = try GoogleCredentialsFile(
            Array(
                #"""
                {"type": "service_account", "project_id": "p-1", "private_key_id": "k1", "private_key": "PEM\n",
                 "client_email": "app@p-1.iam.gserviceaccount.com", "client_id": "1", "token_uri": "https://t/token",
                 "extra": {"a": [1]}}
                """#.utf8
            )
        )
        #expect(
            file.kind
                == .serviceAccount(email: "app@p-1.iam.gserviceaccount.com", keyID: "k1", privateKey: Secret("PEM\n"))
        )
        #expect(file.tokenURI == "https://t/token")
        #expect(file.projectID == "p-1")
    }

    @Test func `a user's refresh token is read, and Google's own address is the usual one`() throws {
        let file = try GoogleCredentialsFile(
            Array(
                #"{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}"#.utf8
            )
        )
        #expect(file.kind == .user(clientID: "c", clientSecret: Secret("s"), refreshToken: Secret("r")))
        #expect(file.tokenURI == "https://oauth2.googleapis.com/token")
    }

    @Test(arguments: [
        ("", "isn't JSON with an object"), ("[]", "isn't JSON with an object"), ("{}", "has no type"),
        (#"{"type": 1}"#, "has no type"), (#"{"type": "other"}"#, "has a type that isn't known"),
        (#"{"type": "external_account"}"#, "is of a type that isn't supported"),
        (#"{"type": "service_account", "client_email": "e"}"#, "has no private_key"),
        (#"{"type": "authorized_user", "client_id": "c"}"#, "has no client_secret"),
        (#"{"type": "service_account"} x"#, "isn't JSON with an object"),
        (#"{"a": "\#(String(repeating: "x", count: 70_000))"}"#, "isn't JSON with an object"),
    ])
    func `what can't be used says why, without a word of the file`(text: String, words: String) {
        do {
            _ = try GoogleCredentialsFile(Array(text.utf8))
            Issue.record("it was taken")
        } catch {
            #expect(error.words.hasPrefix(words), "\(error.words)")
        }
    }
}
