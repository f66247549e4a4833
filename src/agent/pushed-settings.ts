import { Teller } from "../bridge/teller.ts";
import { AuthCtrlr, ISO15118Ctrlr, TxCtrlr } from "../device-model/variables.ts";
import type { Emitter } from "../lib/events.ts";
import type { StationContext } from "../station/context.ts";
import { isIso15118On } from "../station/model/iso15118.ts";
import { readAt } from "../station/model/setting-at.ts";
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

/** What of ISO15118Ctrlr an EVSE follows, its own settings before those of the station; without ISO 15118 no Plug and Charge. */
function plugAndCharge({ deviceModel }: Pick<Context, "deviceModel">, evseId: number): PlugAndChargeConfiguration {
  const central = readAt(deviceModel, ISO15118Ctrlr.CentralContractValidationAllowed, evseId);
  const off = !isIso15118On(deviceModel, evseId);
  const pncEnabled = off ? false : readAt(deviceModel, ISO15118Ctrlr.PnCEnabled, evseId);
  const installation = off ? false : readAt(deviceModel, ISO15118Ctrlr.ContractCertificateInstallationEnabled, evseId);
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
  const push = (evseId: number): void => void tellers.get(evseId)?.set(plugAndCharge(context, evseId));
  const pushAll = (): void => {
    for (const { evseId } of hardware.evses) push(evseId);
  };
  pushAll();
  for (const handle of [
    ISO15118Ctrlr.Enabled,
    ISO15118Ctrlr.PnCEnabled,
    ISO15118Ctrlr.CentralContractValidationAllowed,
    ISO15118Ctrlr.ContractCertificateInstallationEnabled,
  ]) {
    deviceModel.onChange(handle, pushAll);
    for (const { evseId } of hardware.evses) deviceModel.onChange(handle.at(evseId), () => push(evseId));
  }
  // It has begun anew with the settings of its own configuration.
  hardwareEvents.on("evseRestarted", ({ evseId }) => push(evseId));
}
