import type { EmitMetrics } from '../../platform/emf.ts'

/** Counts scans. */
export interface ScanCounts {
  quarantined(): void
  /** Called for each scan without a verdict. */
  failed(): void
}

/** Counts scans for CloudWatch. */
export interface EmittedScanCounts extends ScanCounts {
  /** Emits the number of failures since the last call, if there were some. */
  emit(): void
}

/** Failures are emitted as sums: while a scanner is down, each attempt of each upload fails. */
export function createScanCounts(emitMetrics: EmitMetrics, also?: ScanCounts): EmittedScanCounts {
  let failures = 0
  return {
    quarantined() {
      emitMetrics({ UploadsQuarantined: 1 })
      also?.quarantined()
    },
    failed() {
      failures++
      also?.failed()
    },
    emit() {
      if (failures > 0) emitMetrics({ ScanFailures: failures })
      failures = 0
    },
  }
}
