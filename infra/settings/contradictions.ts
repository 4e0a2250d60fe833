import { parseList } from './parse-list.ts'
import type { Settings } from './schema.ts'

/** Returns what is wrong with the combination of settings that are each valid by themselves, as one line for each fault. */
export function contradictions(settings: Settings): string[] {
  return [
    ...ofNames(settings),
    ...ofStream(settings),
    ...ofSignInPages(settings),
    ...ofKeys(settings),
    ...ofCosts(settings),
    ...ofTraces(settings),
    ...ofNotifications(settings),
    ...ofScanner(settings),
    ...(settings.compute === 'fargate' ? ofTasks(settings) : []),
  ]
}

function ofNames({ domainName, certificateArn }: Settings): string[] {
  return (domainName === undefined) === (certificateArn === undefined)
    ? []
    : ['domainName and certificateArn: give both or neither']
}

function ofStream({ recordDistribution, streamMode, existingStream }: Settings): string[] {
  if (recordDistribution === 'by-key') return []
  if (existingStream !== undefined) return ['recordDistribution: it has no effect on an existing stream']
  return streamMode === 'provisioned' ? ['recordDistribution: auto needs streamMode=on-demand'] : []
}

function ofSignInPages({ userPoolDomain, callbackUrls, logoutUrls }: Settings): string[] {
  const faults: string[] = []
  if ((userPoolDomain === undefined) !== (callbackUrls === '')) {
    faults.push('userPoolDomain and callbackUrls: give both or neither')
  }
  if (userPoolDomain === undefined && logoutUrls !== '') faults.push('logoutUrls: it needs userPoolDomain')
  // Cognito rejects these domains, but only in the middle of a deployment.
  const reserved = ['aws', 'amazon', 'cognito'].find(word => userPoolDomain?.includes(word))
  if (reserved !== undefined) faults.push(`userPoolDomain: Cognito does not allow "${reserved}" in it`)
  for (const [name, list] of Object.entries({ callbackUrls, logoutUrls })) {
    for (const url of parseList(list)) {
      const fault = redirectFault(url)
      if (fault !== undefined) faults.push(`${name}: ${url} ${fault}`)
    }
  }
  return faults
}

/**
 * Returns why Cognito would not redirect to a URL. Only pages of the same machine may use HTTP, and apps have schemes of their own.
 *
 * https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
 */
function redirectFault(url: string): string | undefined {
  if (!URL.canParse(url)) return 'is not an absolute URL'
  const { protocol, hostname } = new URL(url)
  if (url.includes('#')) return 'has a fragment'
  return protocol === 'http:' && hostname !== 'localhost'
    ? 'uses http, which Cognito allows only for localhost'
    : undefined
}

function ofKeys({ encryption, encryptionKeyArn }: Settings): string[] {
  return encryptionKeyArn !== undefined && encryption !== 'customer'
    ? ['encryptionKeyArn: it needs encryption=customer']
    : []
}

function ofCosts({ alarmEmail, monthlyBudgetUsd, costAnomalyUsd, costMonitorArn }: Settings): string[] {
  const faults: string[] = []
  if (alarmEmail === undefined && (monthlyBudgetUsd > 0 || costAnomalyUsd > 0)) {
    faults.push('alarmEmail: monthlyBudgetUsd and costAnomalyUsd need it')
  }
  if (costMonitorArn !== undefined && costAnomalyUsd === 0) {
    faults.push('costMonitorArn: it has no effect while costAnomalyUsd is 0')
  }
  return faults
}

function ofTraces({ tracing, otlpEndpoint, otlpHeadersSecretArn }: Settings): string[] {
  const faults: string[] = []
  if ((tracing === 'otlp') !== (otlpEndpoint !== undefined)) {
    faults.push('otlpEndpoint and tracing=otlp: give both or neither')
  }
  if (otlpHeadersSecretArn !== undefined && tracing !== 'otlp') {
    faults.push('otlpHeadersSecretArn: it needs tracing=otlp')
  }
  return faults
}

const SECRET_ARN = /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/

/** All environment variables of a function together have at most 4 KiB. */
const MAX_FUNCTION_BYTES = 2_500

/** The processes check the rest. A secret itself is never accepted, because everybody who sees the template would see it. */
function ofNotifications({ notifications, notificationsAllowAddresses, compute }: Settings): string[] {
  const faults = notifications.flatMap(({ name, webhook, secrets = [] }) => [
    ...(secrets.every(secret => SECRET_ARN.test(secret))
      ? []
      : [`notifications: the secrets of "${name}" must be full ARNs of secrets in Secrets Manager`]),
    ...(webhook !== undefined && compute === 'fargate' && portOf(webhook) !== '443'
      ? [`notifications: the webhook of "${name}" must have port 443, because tasks reach no other`]
      : []),
    ...(webhook?.startsWith('http:') && notificationsAllowAddresses === ''
      ? [`notifications: the webhook of "${name}" must begin with https: plain http needs notificationsAllowAddresses`]
      : []),
  ])
  if (compute === 'lambda' && Buffer.byteLength(JSON.stringify(notifications)) > MAX_FUNCTION_BYTES) {
    faults.push(`notifications: on Lambda, they must have at most ${MAX_FUNCTION_BYTES} bytes`)
  }
  return faults
}

function portOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { port, protocol } = new URL(url)
  return port || (protocol === 'https:' ? '443' : '80')
}

function ofScanner({ scanner, clamdUrl, compute }: Settings): string[] {
  if (scanner !== 'clamd') return clamdUrl === undefined ? [] : ['clamdUrl: has an effect only with scanner=clamd']
  return [
    ...(compute === 'lambda'
      ? ['scanner: clamd needs compute=fargate, because functions reach no private address']
      : []),
    ...(clamdUrl === undefined ? ['clamdUrl: is required with scanner=clamd'] : []),
  ]
}

function ofTasks(settings: Settings): string[] {
  const { apiTasksMin, apiTasksMax, workerTasksMin, workerTasksMax, shards } = settings
  const faults: string[] = []
  if (apiTasksMin > apiTasksMax) faults.push(`apiTasksMin: ${apiTasksMin} is more than apiTasksMax, ${apiTasksMax}`)
  if (workerTasksMin > workerTasksMax)
    faults.push(`workerTasksMin: ${workerTasksMin} is more than workerTasksMax, ${workerTasksMax}`)
  if (settings.streamMode === 'provisioned' && workerTasksMax > shards) {
    faults.push(
      `workerTasksMax: ${workerTasksMax} is more than the ${shards} shards, and the other tasks would be idle`,
    )
  }
  return [
    ...faults,
    ...memoryFor('api', settings.apiCpu, settings.apiMiB),
    ...memoryFor('worker', settings.workerCpu, settings.workerMiB),
  ]
}

/**
 * The minimum and maximum memory that Fargate offers for each size of CPU, in GiB. Sizes between them are in steps of 1 GiB.
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
 */
const MEMORY_GIB: Readonly<Record<number, readonly [min: number, max: number]>> = {
  256: [1, 2],
  512: [1, 4],
  1024: [2, 8],
  2048: [4, 16],
  4096: [8, 30],
}

function memoryFor(role: 'api' | 'worker', cpu: number, mib: number): string[] {
  const [min, max] = MEMORY_GIB[cpu] ?? [0, 0]
  if (mib % 1_024 === 0 && mib >= min * 1_024 && mib <= max * 1_024) return []
  return [
    `${role}MiB: ${mib} is not available: with ${role}Cpu ${cpu}, Fargate has ${min * 1_024} to ${max * 1_024} in steps of 1024`,
  ]
}
