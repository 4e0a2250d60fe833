import { faultOfWebhookSecrets, secretsOf } from '../../platform/config/webhook.ts'
import { type AwsCall, AwsCallError } from '../../platform/direct/aws-call.ts'
import type { Logger } from '../../platform/log.ts'
import { DeliveryError } from './destination.ts'
import type { SecretSource } from './read-destinations.ts'

export interface SecretsSettings {
  /** The name of the destination. */
  name: string
  sources: readonly SecretSource[]
  /** Returns the function that calls Secrets Manager in a region. */
  callIn(region: string): AwsCall
  log: Pick<Logger, 'warn'>
  /** @default Date.now */
  now?: () => number
}

/** How long secrets of Secrets Manager are used before they are read again. */
const FRESH_MS = 10 * 60_000

/** After a failure, secrets are read again after this time. The earlier ones are used until then. */
const RETRY_MS = 60_000

const READ_TIMEOUT_MS = 5_000

/**
 * Returns a function that resolves to the secrets of a webhook. Secrets of Secrets Manager are read when they are first needed, and again
 * before a notification that is sent ten minutes later, so that a rotation needs no deployment. That also works on Lambda, where timers stop
 * between invocations.
 */
export function createSecrets(settings: SecretsSettings): () => Promise<readonly string[]> {
  const { name, sources, callIn, log, now = Date.now } = settings
  if (sources.every(source => 'secrets' in source)) {
    const secrets = sources.flatMap(source => ('secrets' in source ? source.secrets : []))
    return async () => secrets
  }
  let known: readonly string[] | undefined
  let readAgainAt = 0
  let reading: Promise<readonly string[]> | undefined

  async function readAll(): Promise<readonly string[]> {
    try {
      const read = await Promise.all(sources.map(source => ('arn' in source ? readSecret(source.arn) : source.secrets)))
      known = [...new Set(read.flat())]
      readAgainAt = now() + FRESH_MS
      return known
    } catch (error) {
      const why = reasonOf(error)
      readAgainAt = now() + RETRY_MS
      log.warn({ destination: name, why }, 'the secrets of a webhook could not be read')
      if (known !== undefined) return known
      throw new DeliveryError('unreachable', `The secrets of the webhook "${name}" could not be read: ${why}.`)
    } finally {
      reading = undefined
    }
  }

  async function readSecret(arn: string): Promise<readonly string[]> {
    const [, , , region = ''] = arn.split(':')
    const reply = await callIn(region)('GetSecretValue', { SecretId: arn }, AbortSignal.timeout(READ_TIMEOUT_MS))
    const { SecretString: text } = reply as { SecretString?: unknown }
    const problem = typeof text === 'string' ? faultOfWebhookSecrets(text) : 'must be text'
    if (problem !== undefined) throw new SecretValueError(`the value of ${arn} ${problem}`)
    return secretsOf(String(text))
  }

  return async () => {
    if (known !== undefined && now() < readAgainAt) return known
    reading ??= readAll()
    return await reading
  }
}

/** The value in Secrets Manager is invalid. The message never shows the value. */
class SecretValueError extends Error {}

/** Describes a failure without what a server sent in place of an answer, which can contain anything. */
function reasonOf(error: unknown): string {
  if (error instanceof AwsCallError || error instanceof SecretValueError) return error.message
  if (!(error instanceof Error)) return 'unknown error'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
