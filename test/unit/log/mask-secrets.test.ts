import { describe, expect, test } from "bun:test";
import { maskSecrets } from "../../../src/log/mask-secrets.ts";

const SECRET = "s3cr3t-of-the-test";
const masked = (payload: unknown, action = "SetVariables") => maskSecrets(JSON.stringify([2, "id", action, payload]));
const variable = (component: string, name: string) => ({ component: { name: component }, variable: { name } });

describe("secrets do not get into the message log (A01.FR.11, C04.FR.04)", () => {
  for (const [where, payload] of Object.entries({
    "SetVariables: BasicAuthPassword": {
      setVariableData: [{ ...variable("SecurityCtrlr", "BasicAuthPassword"), attributeValue: SECRET }],
    },
    "SetVariables: the password of EVerest's private key": {
      setVariableData: [{ ...variable("EvseSecurity", "private_key_password"), attributeValue: SECRET }],
    },
    "SetVariables: a network profile in a variable": {
      setVariableData: [
        {
          ...variable("InternalCtrlr", "NetworkConnectionProfiles"),
          attributeValue: JSON.stringify([{ connectionData: { vpn: { key: SECRET, user: "u" } } }]),
        },
      ],
    },
    "SetVariables: the key of a VPN": {
      setVariableData: [{ ...variable("NetworkConfiguration", "VpnKey"), attributeValue: SECRET }],
    },
    SetNetworkProfile: {
      connectionData: {
        apn: { apn: "internet", apnPassword: SECRET },
        vpn: { server: "v", user: "u", password: SECRET, key: SECRET },
      },
    },
    "NotifyReport: a readable module parameter": {
      reportData: [
        {
          ...variable("EvseSecurity", "private_key_password"),
          variableAttribute: [{ type: "Actual", value: SECRET, mutability: "ReadOnly" }],
        },
      ],
    },
    "GetVariables answer": {
      getVariableResult: [{ ...variable("Modem", "SimPin"), attributeStatus: "Accepted", attributeValue: SECRET }],
    },
    "NotifyEvent: actual value": { eventData: [{ ...variable("X", "ClientSecret"), actualValue: SECRET }] },
    "GetLog: user and password in the URL": { log: { remoteLocation: `ftp://user:${SECRET}@host/dir` } },
    "UpdateFirmware: likewise": { firmware: { location: `https://user:${SECRET}@host/fw?x=1` } },
    "a keyCode": { idToken: { idToken: SECRET, type: "KeyCode" } },
    "DataTransfer: JSON in a text": { vendorId: "v", data: JSON.stringify({ login: { password: SECRET } }) },
    "DataTransfer: an object": { vendorId: "v", data: { apiKey: SECRET, list: [{ pin: SECRET }] } },
    "DataTransfer: a member named authorization": { vendorId: "v", data: { authorization: `Basic ${SECRET}` } },
    "DataTransfer: Proxy-Authorization, in capitals": { vendorId: "v", data: { "Proxy-Authorization": SECRET } },
    "DataTransfer: OCPP 1.6's AuthorizationKey": { vendorId: "v", data: { key: "AuthorizationKey", value: SECRET } },
    "DataTransfer: a list of headers": { vendorId: "v", data: [{ name: "Authorization", value: `Bearer ${SECRET}` }] },
    "DataTransfer: a password that is an object": { vendorId: "v", data: { password: { old: SECRET, new: [SECRET] } } },
    "DataTransfer: JSON in a text in JSON in a text": {
      vendorId: "v",
      data: JSON.stringify({ inner: JSON.stringify({ authorization: SECRET }) }),
    },
    "DataTransfer: JSON in the middle of a text": { vendorId: "v", data: `login {"password": "${SECRET}"}` },
    "DataTransfer: JSON in a text, cut off": { vendorId: "v", data: `{"a":1,"password":"${SECRET}` },
    "DataTransfer: a form": { vendorId: "v", data: `user=u&password=${SECRET}&x=1` },
    "DataTransfer: a header of HTTP": { vendorId: "v", data: `GET / HTTP/1.1\r\nAuthorization: Basic ${SECRET}=\r\n` },
    "customData of any message": { customData: { vendorId: "v", deep: [{ authorization: { header: SECRET } }] } },
    "a security event's techInfo": { type: "X", techInfo: `{"user":"u","password":"${SECRET}"}` },
    "GetLog: the password in the query": { log: { remoteLocation: `https://host/up?user=u&password=${SECRET}` } },
  }))
    test(where, () => {
      const text = masked(payload);
      expect(text).not.toContain(SECRET);
      expect(text).toContain("***");
      // What remains is still a message.
      expect(JSON.parse(text)).toHaveLength(4);
    });

  test("a SIM's PIN is a number and no less secret", () => {
    expect(masked({ connectionData: { apn: { simPin: 4711 } } })).not.toContain("4711");
  });

  test("text that cannot be read and may hold a secret is not shown", () => {
    const text = maskSecrets(`[2,"id","SetVariables",{"variable":"BasicAuthPassword","attributeValue":"${SECRET}`);
    expect(text).not.toContain(SECRET);
    expect(text).toContain("not JSON");
  });
});

describe("what is no secret stays, to the letter", () => {
  for (const [what, text] of Object.entries({
    "an identification": '[2,"1","Authorize",{"idToken":{"idToken":"DEADBEEF","type":"ISO14443"}}]',
    "a variable without secret": '[2,"1","SetVariables",{"setVariableData":[{"attributeValue":"10"}]}]',
    "words that only sound like it":
      '[2,"1","NotifyReport",{"a":"basic authentication","b":"Basic Authentication","c":"the bearer certificate"}]',
    "a variable that ends with a name of secrets":
      '[3,"1",{"getVariableResult":[{"variable":{"name":"DisableRemoteAuthorization"},"attributeValue":"true"}]}]',
    spacing: '[ 2, "1",  "Heartbeat", { } ]',
    "no JSON": "hello",
  }))
    test(what, () => expect(maskSecrets(text)).toBe(text));

  test("names, users and hosts beside a secret", () => {
    const text = masked({
      setVariableData: [
        { ...variable("SecurityCtrlr", "BasicAuthPassword"), attributeValue: SECRET },
        { ...variable("OCPPCommCtrlr", "HeartbeatInterval"), attributeValue: "10" },
      ],
      remoteLocation: `ftp://user:${SECRET}@host/dir`,
    });
    expect(text).toContain('"attributeValue":"10"');
    expect(text).toContain("BasicAuthPassword");
    expect(text).toContain("ftp://user:***@host/dir");
  });
});
