import type { DeviceModel } from "../device-model/device-model.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { AuthorizationValidationResult, OcppDataTransferResponse } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { transferToCsms } from "./data-transfer.ts";
import { provideOcppGeneric } from "./ocpp-generic.ts";
import type { RunningStation } from "./running-station.ts";
import { toAuthorizationQuery, toValidationResult } from "./tokens.ts";

/** The commands of the provided interfaces; every one has a regular answer before the station runs (BEHAVIOUR 3.1). */
export function provideInterfaces(
  module: EverestModule,
  clock: Clock,
  logger: Logger,
  deviceModel: DeviceModel,
  station: () => RunningStation | undefined,
): void {
  module.provide(
    "auth_validator",
    "auth_token_validator",
    {
      validate_token: async ({ provided_token }): Promise<AuthorizationValidationResult> => {
        const services = station()?.services;
        const decision = await services?.authorization.authorize(toAuthorizationQuery(provided_token));
        if (services === undefined || decision === undefined)
          return { authorization_status: "Unknown", tariff_messages: [] };
        const result = toValidationResult(decision, services.tariff.fallback());
        if (result.tariff_messages.length > 0)
          module.publish("session_cost", "session_cost", "tariff_message", {
            identifier_id: provided_token.id_token.value,
            identifier_type: "IdToken",
            messages: result.tariff_messages,
          });
        return result;
      },
    },
    { validate_token: (): AuthorizationValidationResult => ({ authorization_status: "Invalid", tariff_messages: [] }) },
    ["validate_token"], // No driver waits for the CSMS's answer to another one.
  );
  module.provide("auth_provider", "auth_token_provider", {}, {});
  module.provide("session_cost", "session_cost", {}, {});
  module.provide(
    "data_transfer",
    "ocpp_data_transfer",
    { data_transfer: ({ request }) => transferToCsms(station()?.csms, request) },
    { data_transfer: (): OcppDataTransferResponse => ({ status: "Rejected" }) },
  );
  provideOcppGeneric(module, clock, logger, deviceModel, station);
}
