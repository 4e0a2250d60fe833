/** List prices of us-east-1 in dollars, without free tiers, as they were published in 2025. */
export const prices = {
  /** Tiers of requests: up to how many a month, and the price of a million of them. */
  httpApi: [
    { upTo: 300e6, million: 1 },
    { upTo: Number.POSITIVE_INFINITY, million: 0.9 },
  ],
  restApi: [
    { upTo: 333e6, million: 3.5 },
    { upTo: 1_000e6, million: 2.8 },
    { upTo: Number.POSITIVE_INFINITY, million: 2.38 },
  ],
  /** Prices of a million requests. LIST costs as much as PUT. */
  s3: { put: 5, get: 0.4 },
  /** Prices of a million on-demand units: 1 KiB for a write, 4 KiB for a read. */
  dynamodb: { write: 0.625, read: 0.125, gbMonth: 0.25, restoreGbMonth: 0.2 },
  kinesis: { shardHour: 0.015, millionUnits: 0.014 },
  eventBridge: { millionEvents: 1 },
  logsGb: 0.5,
  s3GbMonth: 0.023,
  lambda: { millionCalls: 0.2, millionGbSeconds: 16.67 },
  fargate: { vcpuHour: 0.04048, gbHour: 0.004445 },
  network: {
    natHour: 0.045,
    natGb: 0.045,
    balancerHour: 0.0225,
    balancerGb: 0.008,
    endpointHour: 0.01,
    endpointGb: 0.01,
  },
} as const

/** Returns the price of a month's requests by tiers, in dollars. */
export function tiered(tiers: ReadonlyArray<{ upTo: number; million: number }>, requests: number): number {
  let [dollars, from] = [0, 0]
  for (const { upTo, million } of tiers) {
    dollars += (Math.max(0, Math.min(requests, upTo) - from) / 1e6) * million
    from = upTo
  }
  return dollars
}
