/** Typed names of the variables that the station reads and writes. */
export * from "./generated/handles.ts";
