/** An EVerest configuration as a charger with two EVSEs has it; `ocpp` is written below `active_modules.ocpp`. */
export function everestYaml(ocpp: string = PARAMETERS, settings = ""): string {
  return `settings:
  mqtt_everest_prefix: everest
${settings}active_modules:
  evse_manager_1:
    module: EvseManager
    config_module:
      evse_id: DE*PNX*1
    mapping: {module: {evse: 1}}
  evse_manager_2:
    module: EvseManager
    mapping: {module: {evse: 2}}
  system: {module: System}
  security: {module: EvseSecurity}
  auth: {module: Auth}
  sink: {module: EnergyNode}
  ocpp:
    module: OCPP201
${ocpp}`;
}

export const PARAMETERS = `    config_module:
      MessageQueueResumeDelay: 1
    connections:
      evse_manager:
        - {module_id: evse_manager_1, implementation_id: evse}
        - {module_id: evse_manager_2, implementation_id: evse}
      system: [{module_id: system, implementation_id: main}]
      security: [{module_id: security, implementation_id: main}]
      auth: [{module_id: auth, implementation_id: main}]
`;
