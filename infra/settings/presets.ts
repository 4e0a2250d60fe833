import type { Settings } from './schema.ts'

/**
 * What differs from the schema's defaults. `prod` keeps data, survives the loss of an availability zone and scales;
 * `dev` is cheap and can be destroyed.
 */
export const presets: Readonly<Record<Settings['preset'], Partial<Settings>>> = {
  dev: { logDays: 7 },
  prod: {
    keepData: true,
    retentionHours: 168,
    mfa: 'optional',
    logDays: 90,
    tracePercent: 5,
    parallelization: 4,
    apiCpu: 1024,
    apiMiB: 2_048,
    apiTasksMin: 2,
    apiTasksMax: 20,
    workerCpu: 1024,
    workerMiB: 2_048,
    workerTasksMin: 2,
    natGateways: 2,
  },
}
