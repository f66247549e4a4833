import type { DeviceModel } from "../device-model/device-model.ts";
import { AuthCtrlr, ISO15118Ctrlr, TxCtrlr } from "../device-model/variables.ts";
import type { Logger } from "../log/logger.ts";
import type { Hardware } from "../station/ports.ts";

/** Settings that EVerest's modules follow: told at the start and at each change (BEHAVIOUR 3.2, 16.5). */
export function pushSettings(deviceModel: DeviceModel, hardware: Hardware, logger: Logger): void {
  const { minimum, maximum } = hardware.authorization.connectionTimeoutRangeSeconds;
  deviceModel.limit(TxCtrlr.EVConnectionTimeOut, minimum, maximum);
  const warn = (error: Error): void => logger.warn(`A setting was not taken by the hardware side: ${error.message}`);
  // C08.FR.02: how long the driver has.
  const pushTimeout = (): void => {
    const seconds = deviceModel.read(TxCtrlr.EVConnectionTimeOut);
    if (seconds !== undefined) hardware.authorization.setConnectionTimeout(seconds).catch(warn);
  };
  // C16.FR.02, FR.03, C12.FR.09: EVerest's Auth stops every transaction for a token of this group, and starts none.
  const pushMasterPass = (): void => {
    const groupId = deviceModel.read(AuthCtrlr.MasterPassGroupId);
    if (groupId !== undefined) hardware.authorization.setMasterPassGroupId(groupId).catch(warn);
  };
  const pushPlugAndCharge = (): void => {
    const pncEnabled = deviceModel.read(ISO15118Ctrlr.PnCEnabled);
    const central = deviceModel.read(ISO15118Ctrlr.CentralContractValidationAllowed);
    const installation = deviceModel.read(ISO15118Ctrlr.ContractCertificateInstallationEnabled);
    for (const { evseId } of hardware.evses)
      hardware.evse
        .setPlugAndCharge(evseId, {
          ...(pncEnabled !== undefined && { pncEnabled }),
          ...(central !== undefined && { centralContractValidationAllowed: central }),
          ...(installation !== undefined && { contractCertificateInstallationEnabled: installation }),
        })
        .catch(warn);
  };
  pushTimeout();
  pushMasterPass();
  pushPlugAndCharge();
  deviceModel.onChange(TxCtrlr.EVConnectionTimeOut, pushTimeout);
  deviceModel.onChange(AuthCtrlr.MasterPassGroupId, pushMasterPass);
  for (const handle of [
    ISO15118Ctrlr.PnCEnabled,
    ISO15118Ctrlr.CentralContractValidationAllowed,
    ISO15118Ctrlr.ContractCertificateInstallationEnabled,
  ])
    deviceModel.onChange(handle, pushPlugAndCharge);
}
