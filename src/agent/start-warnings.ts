import type { DeviceModel } from "../device-model/device-model.ts";
import { InternalCtrlr } from "../device-model/variables.ts";
import type { ModuleConfiguration } from "../everest/configuration.ts";

const PROXY_VARIABLES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const OCPP_VERSION = "ocpp2.0.1";

/** What is configured and has no effect, told once at the start. */
export function startWarnings(
  environment: Readonly<Record<string, string | undefined>>,
  { connections }: ModuleConfiguration,
  deviceModel: Pick<DeviceModel, "read">,
): readonly string[] {
  const proxies = PROXY_VARIABLES.filter((name) => environment[name]);
  const directed = connections.get("grid_support") ?? [];
  const versions = deviceModel.read(InternalCtrlr.SupportedOcppVersions) ?? [];
  return [
    ...(proxies.length > 0
      ? [`HTTP proxies are not supported: ${proxies.join(", ")} without effect on the connection`]
      : []),
    ...(directed.length > 0
      ? [`grid_support: directives for generators need OCPP 2.1, the ${directed.length} connections are without effect`]
      : []),
    ...(versions.length > 0 && !versions.includes(OCPP_VERSION)
      ? [
          `InternalCtrlr.SupportedOcppVersions names ${versions.join(", ")}: only ${OCPP_VERSION} can be offered, and is`,
        ]
      : []),
  ];
}
