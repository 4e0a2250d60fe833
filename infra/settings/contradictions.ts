import type { Settings } from './schema.ts'

/** What does not go together, though each setting by itself may be so: for a person, one line a fault. */
export function contradictions(settings: Settings): string[] {
  return [
    ...ofNames(settings),
    ...ofCosts(settings),
    ...ofTraces(settings),
    ...(settings.compute === 'fargate' ? ofTasks(settings) : []),
  ]
}

function ofNames({ domainName, certificateArn, userPoolDomain, callbackUrls }: Settings): string[] {
  const faults: string[] = []
  if ((domainName === undefined) !== (certificateArn === undefined)) {
    faults.push('domainName: needs certificateArn, and the other way round')
  }
  if ((userPoolDomain === undefined) !== (callbackUrls === '')) {
    faults.push('userPoolDomain: needs callbackUrls, and the other way round')
  }
  return faults
}

function ofCosts({ alarmEmail, monthlyBudgetUsd, costAnomalyUsd, costMonitorArn }: Settings): string[] {
  const faults: string[] = []
  if (alarmEmail === undefined && (monthlyBudgetUsd > 0 || costAnomalyUsd > 0)) {
    faults.push('alarmEmail: is needed by monthlyBudgetUsd and costAnomalyUsd')
  }
  if (costMonitorArn !== undefined && costAnomalyUsd === 0) {
    faults.push('costMonitorArn: is for costAnomalyUsd, which is 0')
  }
  return faults
}

function ofTraces({ tracing, otlpEndpoint, otlpHeadersSecretArn }: Settings): string[] {
  const faults: string[] = []
  if ((tracing === 'otlp') !== (otlpEndpoint !== undefined)) {
    faults.push('otlpEndpoint: is needed by tracing=otlp, and needs it')
  }
  if (otlpHeadersSecretArn !== undefined && tracing !== 'otlp') {
    faults.push('otlpHeadersSecretArn: needs tracing=otlp')
  }
  return faults
}

function ofTasks(settings: Settings): string[] {
  const { apiTasksMin, apiTasksMax, workerTasksMin, workerTasksMax, shards } = settings
  const faults: string[] = []
  if (apiTasksMin > apiTasksMax) faults.push('apiTasksMin: is more than apiTasksMax')
  if (workerTasksMin > workerTasksMax) faults.push('workerTasksMin: is more than workerTasksMax')
  if (settings.streamMode === 'provisioned' && workerTasksMax > shards) {
    faults.push(`workerTasksMax: is more than the ${shards} shards; the rest would sit idle`)
  }
  return [
    ...faults,
    ...memoryFor('api', settings.apiCpu, settings.apiMiB),
    ...memoryFor('worker', settings.workerCpu, settings.workerMiB),
  ]
}

/**
 * What Fargate has of memory for a size of CPU, in GiB, one by one from the least to the most.
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
 */
const MEMORY_GIB: Readonly<Record<number, readonly [least: number, most: number]>> = {
  256: [1, 2],
  512: [1, 4],
  1024: [2, 8],
  2048: [4, 16],
  4096: [8, 30],
}

function memoryFor(role: 'api' | 'worker', cpu: number, mib: number): string[] {
  const [least, most] = MEMORY_GIB[cpu] ?? [0, 0]
  if (mib % 1_024 === 0 && mib >= least * 1_024 && mib <= most * 1_024) return []
  return [
    `${role}MiB: with ${role}Cpu ${cpu}, Fargate has ${least * 1_024} to ${most * 1_024}, in steps of 1024, and not ${mib}`,
  ]
}
