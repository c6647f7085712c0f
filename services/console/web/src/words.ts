// Numbers of the contracts as words. Types alone come from the generated code: its values would
// bring the whole protobuf runtime into the page, which only the worker needs.
import type { SourceState } from "./gen/switchboard/console/v1/console_service_pb";
import type { IndicatorUnit } from "./gen/switchboard/insights/v1/model_pb";
import type { ServiceTier } from "./gen/switchboard/intake/v1/model_pb";
import type { Presence } from "./gen/switchboard/routing/v1/model_pb";
import type { ClockMetric, ClockState } from "./gen/switchboard/sla/v1/model_pb";

const METRICS: Record<ClockMetric, string> = {
  0: "",
  1: "First response",
  2: "Next response",
  3: "Resolution",
  4: "Update",
  5: "Update",
  6: "Customer's wait",
  7: "Agents' work",
};

const TIERS: Record<ServiceTier, string> = {
  0: "",
  1: "Basic",
  2: "Expected",
  3: "Excellent",
  4: "Inspiring",
};

/** Presences in the order people look for them: rank, name, tone. */
export type Shown = readonly [number, string, string];
const PRESENCES: Record<Presence, Shown> = {
  5: [0, "No answer", "hot"],
  1: [1, "Available", "calm"],
  2: [2, "Busy", "warm"],
  3: [3, "Away", "idle"],
  4: [4, "Offline", "off"],
  0: [4, "Offline", "off"],
};
export const AVAILABLE = 1;
export const OFFLINE = 4;

/** The five presences by rank. */
export const ranks = (): Shown[] =>
  Object.values(PRESENCES).sort(([a], [b]) => a - b).slice(0, OFFLINE + 1);

// A newer server may use numbers that this page does not know.
export const metricOf = (metric: ClockMetric): string => METRICS[metric] ?? "Clock";
export const tierOf = (tier: ServiceTier): string => TIERS[tier] ?? "";
export const presenceOf = (presence: Presence): Shown => PRESENCES[presence] ?? PRESENCES[0];

const CLOCKS: Record<ClockState, string> = {
  0: "",
  1: "running",
  2: "paused",
  3: "met",
  4: "breached",
  5: "cancelled",
};
export const isRunning = (state: ClockState): boolean => CLOCKS[state] === "running";

const SOURCES: Record<SourceState, string> = { 0: "", 1: "connecting", 2: "live", 3: "stale" };
export const isStale = (state: SourceState): boolean => SOURCES[state] === "stale";
export const hasAnswered = (state: SourceState): boolean => isStale(state) || SOURCES[state] === "live";

const UNITS: Record<IndicatorUnit, string> = { 0: "", 1: "ratio", 2: "milliseconds" };
export const isTime = (unit: IndicatorUnit): boolean => UNITS[unit] === "milliseconds";
