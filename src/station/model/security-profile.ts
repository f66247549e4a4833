import type { DeviceModel } from "../../device-model/device-model.ts";
import { SecurityCtrlr } from "../../device-model/variables.ts";

/** The lowest profile that OCPP knows; one below it (no authentication) is for laboratories and counts as this one. */
const LOWEST_SECURITY_PROFILE = 1;

/**
 * Would a connection with this security profile be less secure than the one in use? Never allowed through OCPP, except
 * from 3 to 2 where AllowSecurityProfileDowngrade is true (A00.FR.005, A05.FR.08–10).
 */
export function isForbiddenDowngrade(deviceModel: DeviceModel, securityProfile: number): boolean {
  const active = deviceModel.read(SecurityCtrlr.SecurityProfile) ?? 0;
  if (Math.max(securityProfile, LOWEST_SECURITY_PROFILE) >= active) return false;
  const mayDowngrade = deviceModel.read(SecurityCtrlr.AllowSecurityProfileDowngrade) === true;
  return !(mayDowngrade && active === 3 && securityProfile === 2);
}
