import { Teller } from "../bridge/teller.ts";
import { AuthCtrlr, ISO15118Ctrlr, TxCtrlr } from "../device-model/variables.ts";
import type { Emitter } from "../lib/events.ts";
import type { StationContext } from "../station/context.ts";
import { isIso15118On } from "../station/model/iso15118.ts";
import type { HardwareEvents, PlugAndChargeConfiguration } from "../station/ports.ts";

type Context = Pick<StationContext, "clock" | "deviceModel" | "hardware" | "logger">;

/** Settings that EVerest's modules follow: told at the start and at each change (BEHAVIOUR 3.2, 16.5), until they are taken. */
export function pushSettings(context: Context, hardwareEvents: Pick<Emitter<HardwareEvents>, "on">): void {
  pushConnectionTimeout(context);
  pushMasterPass(context);
  pushPlugAndCharge(context, hardwareEvents);
}

/** C08.FR.02: how long the driver has. */
function pushConnectionTimeout({ clock, deviceModel, hardware, logger }: Context): void {
  const { minimum, maximum } = hardware.authorization.connectionTimeoutRangeSeconds;
  deviceModel.limit(TxCtrlr.EVConnectionTimeOut, minimum, maximum);
  const teller = new Teller<number>({
    tell: (seconds) => hardware.authorization.setConnectionTimeout(seconds),
    about: () => "The seconds to plug in",
    clock,
    logger,
  });
  const push = (): void => {
    const seconds = deviceModel.read(TxCtrlr.EVConnectionTimeOut);
    if (seconds !== undefined) void teller.set(seconds);
  };
  push();
  deviceModel.onChange(TxCtrlr.EVConnectionTimeOut, push);
}

/** C16.FR.02, FR.03, C12.FR.09: EVerest's Auth stops every transaction for a token of this group, and starts none. */
function pushMasterPass({ clock, deviceModel, hardware, logger }: Context): void {
  const teller = new Teller<string>({
    tell: (groupId) => hardware.authorization.setMasterPassGroupId(groupId),
    about: () => "The tokens of the master pass group",
    clock,
    logger,
  });
  const push = (): void => {
    const groupId = deviceModel.read(AuthCtrlr.MasterPassGroupId);
    if (groupId !== undefined) void teller.set(groupId);
  };
  push();
  deviceModel.onChange(AuthCtrlr.MasterPassGroupId, push);
}

/** What of ISO15118Ctrlr the EVSEs follow; with ISO 15118 switched off there is no Plug and Charge. */
function plugAndCharge({ deviceModel }: Pick<Context, "deviceModel">): PlugAndChargeConfiguration {
  const central = deviceModel.read(ISO15118Ctrlr.CentralContractValidationAllowed);
  const off = !isIso15118On(deviceModel);
  const pncEnabled = off ? false : deviceModel.read(ISO15118Ctrlr.PnCEnabled);
  const installation = off ? false : deviceModel.read(ISO15118Ctrlr.ContractCertificateInstallationEnabled);
  return {
    ...(pncEnabled !== undefined && { pncEnabled }),
    ...(central !== undefined && { centralContractValidationAllowed: central }),
    ...(installation !== undefined && { contractCertificateInstallationEnabled: installation }),
  };
}

function pushPlugAndCharge(context: Context, hardwareEvents: Pick<Emitter<HardwareEvents>, "on">): void {
  const { clock, deviceModel, hardware, logger } = context;
  const tellers = new Map(
    hardware.evses.map(({ evseId }) => [
      evseId,
      new Teller<PlugAndChargeConfiguration>({
        tell: (configuration) => hardware.evse.setPlugAndCharge(evseId, configuration),
        about: () => `Settings of Plug and Charge of EVSE ${evseId}`,
        clock,
        logger,
      }),
    ]),
  );
  const push = (): void => {
    for (const teller of tellers.values()) void teller.set(plugAndCharge(context));
  };
  push();
  for (const handle of [
    ISO15118Ctrlr.Enabled,
    ISO15118Ctrlr.PnCEnabled,
    ISO15118Ctrlr.CentralContractValidationAllowed,
    ISO15118Ctrlr.ContractCertificateInstallationEnabled,
  ])
    deviceModel.onChange(handle, push);
  // It has begun anew with the settings of its own configuration.
  hardwareEvents.on("evseRestarted", ({ evseId }) => void tellers.get(evseId)?.set(plugAndCharge(context)));
}
