// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct BedrockTests {
    static func yaml(_ params: String, model: String = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0") -> String
    {
        """
        model_list:
          - model_name: small
            litellm_params: {model: "\(model)"\(params.isEmpty ? "" : ", ")\(params)}

        """
    }

    static let keys = "aws_access_key_id: AKID, aws_secret_access_key: os.environ/SECRET"

    @Test func `a deployment signs with its key, at its region's address`() throws {
        let yaml = Self.yaml(Self.keys + ", aws_session_token: tok, aws_region_name: eu-central-1")
        let loaded = try load(yaml, ["SECRET": "hush"])
        let small = try loaded.small()
        #expect(small.endpoint.format == .bedrock)
        #expect(small.endpoint.host == "bedrock-runtime.eu-central-1.amazonaws.com" && small.endpoint.isSecure)
        #expect(small.endpoint.region == "eu-central-1" && small.region == "eu-central-1")
        #expect(small.endpoint.model == "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
        #expect(key(of: small) == "aws AKID hush")
        guard case .aws(let credentials) = small.endpoint.credential else { return }
        #expect(credentials.sessionToken == Secret("tok"))
        #expect(loaded.lines == [])
        #expect(small.endpoint.defaultsJSON.isEmpty)
    }

    @Test func `an API key is a bearer's`() throws {
        let own = try load(Self.yaml("api_key: k1, aws_region_name: us-east-1")).small()
        #expect(key(of: own) == "bearer k1")
        let variables = ["AWS_BEARER_TOKEN_BEDROCK": "k2", "AWS_REGION": "us-west-2"]
        let usual = try load(Self.yaml(""), variables).small()
        #expect(key(of: usual) == "bearer k2")
        #expect(usual.endpoint.host == "bedrock-runtime.us-west-2.amazonaws.com")
        let both = try load(Self.yaml(Self.keys), variables.merging(["SECRET": "s"]) { $1 }).small()
        #expect(key(of: both) == "aws AKID s")
    }

    @Test(arguments: [
        ("bedrock/converse/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", "us-east-1"),
        ("bedrock/ap-northeast-1/anthropic.claude-v2", "anthropic.claude-v2", "ap-northeast-1"),
        ("bedrock/converse/us-gov-west-1/anthropic.claude-v2", "anthropic.claude-v2", "us-gov-west-1"),
        (
            "bedrock/arn:aws:bedrock:eu-west-3:1:application-inference-profile/abc",
            "arn:aws:bedrock:eu-west-3:1:application-inference-profile/abc", "eu-west-3"
        ),
    ])
    func `a region may be in the model's name`(model: String, id: String, region: String) throws {
        let small = try load(Self.yaml("api_key: k", model: model), ["AWS_REGION": "us-east-1"]).small()
        #expect(small.endpoint.model == id && small.endpoint.region == region)
        #expect(small.endpoint.host == "bedrock-runtime.\(region).amazonaws.com")
    }

    @Test func `an address of its own needs no region unless it is signed for`() throws {
        let place = "aws_bedrock_runtime_endpoint: 'https://vpce.example:8443/aws'"
        let small = try load(Self.yaml("api_key: k, \(place)")).small()
        #expect(small.endpoint.host == "vpce.example" && small.endpoint.port == 8_443)
        #expect(small.endpoint.pathPrefix == "/aws")
        let lines = errors(Self.yaml("\(Self.keys), \(place)"), ["SECRET": "s"])
        #expect(lines.count == 1 && lines[0].contains("aws_region_name"))
    }

    @Test(arguments: [
        ("api_key: k", "aws_region_name: is missing"), ("aws_region_name: us-east-1", "api_key: is missing"),
        ("aws_region_name: us-east-1, aws_access_key_id: a", "aws_secret_access_key: is missing"),
        ("aws_region_name: us-east-1, aws_secret_access_key: a", "aws_access_key_id: is missing"),
        ("api_key: k, aws_region_name: 'evil.example/'", "must be a name such as us-east-1"),
    ])
    func `what is lacking or no region is named`(params: String, words: String) {
        let lines = errors(Self.yaml(params))
        #expect(lines.count == 1 && lines.first?.contains(words) == true, "\(lines)")
    }

    @Test func `routes of LiteLLM's beside Converse are refused`() {
        let lines = errors(Self.yaml("api_key: k, aws_region_name: us-east-1", model: "bedrock/invoke/x"))
        #expect(lines.count == 1 && lines.first?.contains("invoke/ isn't supported") == true)
    }
}
