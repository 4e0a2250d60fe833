import type { Settings } from './schema.ts'

const prod: Partial<Settings> = {
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
}

/**
 * The settings of each preset that differ from the schema's defaults. `dev` is cheap and can be destroyed; `prod` keeps data,
 * survives the loss of an availability zone and scales; `regulated` is `prod` with a key of its own, logs of every hop, logs for a
 * year, and a second factor for every user.
 */
export const presets: Readonly<Record<Settings['preset'], Partial<Settings>>> = {
  dev: { logDays: 7 },
  prod,
  regulated: { ...prod, encryption: 'customer', balancerLogs: true, mfa: 'required', logDays: 365 },
}
