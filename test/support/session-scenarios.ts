/**
 * Charging sessions in every order, with every start and stop point, on every kind of line, and what a station must tell
 * of them. Each pair of values that can meet is in the table.
 */
export const ORDERS = ["plug", "card", "remote", "pin", "button"] as const;
export const STARTS = [
  "EVConnected",
  "Authorized",
  "PowerPathClosed",
  "EnergyTransfer",
  "EVConnected,Authorized",
] as const;
export const STOPS = [
  "EVConnected",
  "Authorized",
  "PowerPathClosed",
  "EnergyTransfer",
  "EVConnected,Authorized",
] as const;
/**
 * `offline` from beginning to end; `reconnect`: only while charging begins; `restart`: kill -9 of the station alone;
 * `resumed`, `forgotten`: kill -9 with a power loss, after which EVerest ends the session or knows nothing of it.
 */
export const LINES = ["online", "offline", "reconnect", "restart", "resumed", "forgotten"] as const;
/** The same token again, RequestStopTransaction, the cable, or the EV pauses and the cable follows. */
export const ENDS = ["token", "remote", "unplug", "pause"] as const;

const SCENARIOS = `
  plug   EVConnected            EVConnected            offline   pause
  plug   EVConnected            Authorized             resumed   unplug
  plug   EVConnected            PowerPathClosed        resumed   unplug
  plug   EVConnected            EVConnected,Authorized offline   unplug
  plug   Authorized             EVConnected            reconnect token
  plug   Authorized             PowerPathClosed        online    token
  plug   Authorized             PowerPathClosed        forgotten unplug
  plug   PowerPathClosed        Authorized             restart   pause
  plug   PowerPathClosed        EVConnected,Authorized restart   pause
  plug   EnergyTransfer         EVConnected            reconnect remote
  plug   EnergyTransfer         EnergyTransfer         online    remote
  plug   EnergyTransfer         EnergyTransfer         forgotten unplug
  plug   EVConnected,Authorized Authorized             online    token
  plug   EVConnected,Authorized EnergyTransfer         offline   pause
  card   EVConnected            PowerPathClosed        forgotten unplug
  card   EVConnected            EVConnected,Authorized restart   token
  card   EVConnected            EVConnected,Authorized forgotten unplug
  card   Authorized             EnergyTransfer         offline   pause
  card   Authorized             EnergyTransfer         restart   remote
  card   PowerPathClosed        EVConnected            resumed   unplug
  card   PowerPathClosed        Authorized             online    pause
  card   PowerPathClosed        Authorized             reconnect remote
  card   PowerPathClosed        PowerPathClosed        reconnect unplug
  card   PowerPathClosed        EVConnected,Authorized online    token
  card   EnergyTransfer         EVConnected            resumed   unplug
  card   EnergyTransfer         Authorized             offline   pause
  card   EVConnected,Authorized EVConnected            offline   pause
  card   EVConnected,Authorized PowerPathClosed        forgotten unplug
  remote EVConnected            EVConnected            online    pause
  remote EVConnected            EVConnected            forgotten unplug
  remote Authorized             Authorized             restart   unplug
  remote Authorized             PowerPathClosed        offline   pause
  remote Authorized             PowerPathClosed        restart   remote
  remote Authorized             EnergyTransfer         online    token
  remote Authorized             EVConnected,Authorized reconnect remote
  remote PowerPathClosed        Authorized             resumed   unplug
  remote PowerPathClosed        PowerPathClosed        reconnect unplug
  remote PowerPathClosed        EnergyTransfer         resumed   unplug
  remote EnergyTransfer         Authorized             offline   token
  remote EnergyTransfer         EnergyTransfer         restart   unplug
  remote EnergyTransfer         EVConnected,Authorized forgotten unplug
  remote EVConnected,Authorized PowerPathClosed        reconnect remote
  remote EVConnected,Authorized EVConnected            online    remote
  pin    EVConnected            PowerPathClosed        restart   remote
  pin    EVConnected            EnergyTransfer         reconnect token
  pin    EVConnected            EVConnected,Authorized offline   unplug
  pin    Authorized             Authorized             forgotten unplug
  pin    Authorized             EVConnected,Authorized resumed   unplug
  pin    PowerPathClosed        EVConnected            offline   pause
  pin    PowerPathClosed        EVConnected            restart   remote
  pin    PowerPathClosed        EVConnected            forgotten unplug
  pin    PowerPathClosed        EnergyTransfer         online    unplug
  pin    PowerPathClosed        EVConnected,Authorized online    token
  pin    EnergyTransfer         Authorized             reconnect token
  pin    EnergyTransfer         PowerPathClosed        online    pause
  pin    EnergyTransfer         EVConnected,Authorized resumed   unplug
  pin    EVConnected,Authorized EnergyTransfer         restart   unplug
  button EVConnected            Authorized             online    remote
  button EVConnected            EnergyTransfer         offline   unplug
  button EVConnected            EnergyTransfer         reconnect pause
  button Authorized             EVConnected            online    unplug
  button Authorized             EVConnected            restart   token
  button Authorized             Authorized             forgotten unplug
  button Authorized             EnergyTransfer         resumed   unplug
  button PowerPathClosed        PowerPathClosed        offline   token
  button PowerPathClosed        EnergyTransfer         forgotten unplug
  button EnergyTransfer         PowerPathClosed        resumed   unplug
  button EnergyTransfer         EVConnected,Authorized reconnect pause
  button EnergyTransfer         EVConnected,Authorized restart   remote
  button EVConnected,Authorized EVConnected,Authorized resumed   unplug
`;

export interface Scenario {
  readonly order: (typeof ORDERS)[number];
  readonly start: (typeof STARTS)[number];
  readonly stop: (typeof STOPS)[number];
  readonly line: (typeof LINES)[number];
  readonly end: (typeof ENDS)[number];
}

const CABLE_FIRST = {
  EVConnected: [["Started CablePluggedIn EVConnected @1/1"], ["Updated Authorized EVConnected token"]],
  Authorized: [[], ["Started Authorized EVConnected token @1/1"]],
  PowerPathClosed: [[], ["Started Authorized EVConnected token @1/1"]],
  EnergyTransfer: [[], []],
  "EVConnected,Authorized": [["Started CablePluggedIn EVConnected @1/1"], ["Updated Authorized EVConnected token"]],
} as const;
const TOKEN_FIRST = {
  EVConnected: [[], ["Started CablePluggedIn EVConnected token @1/1"]],
  Authorized: [["Started Authorized Idle token @1"], ["Updated CablePluggedIn EVConnected @1/1"]],
  PowerPathClosed: [[], ["Started CablePluggedIn EVConnected token @1/1"]],
  EnergyTransfer: [[], []],
  "EVConnected,Authorized": [["Started Authorized Idle token @1"], ["Updated CablePluggedIn EVConnected @1/1"]],
} as const;
const REMOTE_FIRST = {
  EVConnected: [[], ["Started RemoteStart EVConnected token @1/1"]],
  Authorized: [["Started RemoteStart Idle token @1"], ["Updated CablePluggedIn EVConnected @1/1"]],
  PowerPathClosed: [[], ["Started RemoteStart EVConnected token @1/1"]],
  EnergyTransfer: [[], []],
  "EVConnected,Authorized": [["Started RemoteStart Idle token @1"], ["Updated CablePluggedIn EVConnected @1/1"]],
} as const;
/** What is told with the first and with the second step of the driver (E01–E03, F01, F02). */
export const BEGINNING = {
  plug: CABLE_FIRST,
  pin: CABLE_FIRST,
  button: CABLE_FIRST,
  card: TOKEN_FIRST,
  remote: REMOTE_FIRST,
} as const;

export function whenEnergyFlows({ order, start }: Scenario): string {
  if (start !== "EnergyTransfer") return "Updated ChargingStateChanged Charging";
  return `Started ${order === "remote" ? "RemoteStart" : "ChargingStateChanged"} Charging token @1/1`;
}

/** What is told when the driver or the EV stops, and when the cable is out (E06–E10, F03). */
export function ending({ stop, end }: Scenario): readonly (readonly string[])[] {
  const unplugged = "Ended EVCommunicationLost Idle EVDisconnected";
  const goesOn = stop === "EVConnected";
  switch (end) {
    case "token":
      return goesOn
        ? [["Updated StopAuthorized EVConnected token"], ["Ended EVCommunicationLost Idle Local"]]
        : [["Ended StopAuthorized EVConnected Local token"], []];
    case "remote":
      return goesOn
        ? [["Updated RemoteStop EVConnected"], ["Ended EVCommunicationLost Idle Remote"]]
        : [["Ended RemoteStop EVConnected Remote"], []];
    case "pause":
      return stop === "EnergyTransfer"
        ? [["Ended ChargingStateChanged SuspendedEV StoppedByEV"], []]
        : [["Updated ChargingStateChanged SuspendedEV"], [unplugged]];
    case "unplug":
      return [[], [unplugged]];
  }
}

export const SESSION_SCENARIOS: readonly Scenario[] = SCENARIOS.trim()
  .split("\n")
  .map((row): Scenario => {
    const [order, start, stop, line, end] = row.trim().split(/\s+/);
    return { order, start, stop, line, end } as Scenario;
  });

/** Is the cable what the driver begins with? */
export function isCableFirst({ order }: Scenario): boolean {
  return BEGINNING[order] === CABLE_FIRST;
}
