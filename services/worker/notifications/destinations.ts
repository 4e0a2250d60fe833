import { secretsOf } from '../../platform/config/webhook.ts'
import type { ProcessorConfig } from '../../platform/config/worker.ts'
import { createAwsCall, eventBridge, secretsManager } from '../../platform/direct/aws-call.ts'
import type { DirectConfig } from '../../platform/direct/request.ts'
import { ConfigurationError, type ConfigurationFault } from '../../platform/errors.ts'
import type { Logger } from '../../platform/log.ts'
import { faultOfTarget } from './address-guard.ts'
import { createWants } from './conditions.ts'
import type { Destination } from './destination.ts'
import { createEventBus } from './event-bus.ts'
import {
  type DestinationText,
  readDestinations,
  type SecretSource,
  SHORTHAND_NAME,
  sourceOfSecret,
} from './read-destinations.ts'
import { createSecrets } from './secrets.ts'
import { createWebhook } from './webhook.ts'

export interface DestinationsSettings {
  config: Pick<
    ProcessorConfig,
    'AWS_REGION' | 'NOTIFICATIONS' | 'WEBHOOK_URL' | 'WEBHOOK_SECRET' | 'NOTIFICATIONS_ALLOW_ADDRESSES'
  >
  /** Where secrets and the endpoints of AWS are looked up. */
  env: NodeJS.ProcessEnv
  /** The configuration of any AWS client of the process. */
  awsConfig: DirectConfig
  log: Pick<Logger, 'warn'>
}

/**
 * Creates the destinations of the configuration, in its order. Empty if there are none. Begins to read secrets of Secrets Manager, and does
 * not wait for them: a worker must also start while they can't be read.
 *
 * @throws ConfigurationError with every fault
 */
export async function createDestinations(settings: DestinationsSettings): Promise<readonly Destination[]> {
  const { config, env, awsConfig, log } = settings
  const { WEBHOOK_URL: shorthandUrl, WEBHOOK_SECRET: shorthandSecrets } = config
  if (shorthandUrl !== undefined && shorthandSecrets === undefined) {
    throw new ConfigurationError([
      { variable: 'WEBHOOK_SECRET', problem: 'is required with WEBHOOK_URL: receivers check the signature with it' },
    ])
  }

  const listed = readDestinations(config.NOTIFICATIONS, env)
  const faults = targetFaults(config, listed)
  if (faults.length > 0) throw new ConfigurationError(faults)

  const createHook = async (text: Omit<DestinationText, 'secrets'>, url: string, sources: readonly SecretSource[]) => {
    const secrets = createSecrets({
      name: text.name,
      sources,
      callIn: region => createAwsCall({ config: awsConfig, service: secretsManager, region, env }),
      log,
    })
    // A failure is logged there, and the next notification reads them again.
    void secrets().catch(() => undefined)
    return await createWebhook({
      name: text.name,
      url,
      secrets,
      wants: createWants(text),
      allowAddresses: config.NOTIFICATIONS_ALLOW_ADDRESSES,
    })
  }
  const create = async (text: DestinationText): Promise<Destination> => {
    const { name, webhook, eventBus = 'default', secrets = [] } = text
    if (webhook !== undefined)
      return await createHook(
        text,
        webhook,
        secrets.map(it => sourceOfSecret(it, env)),
      )
    const call = createAwsCall({ config: awsConfig, service: eventBridge, region: config.AWS_REGION, env })
    return createEventBus({ name, eventBus, call, wants: createWants(text) })
  }

  const shorthand =
    shorthandUrl === undefined
      ? []
      : [createHook({ name: SHORTHAND_NAME }, shorthandUrl, [{ secrets: secretsOf(shorthandSecrets ?? '') }])]
  return await Promise.all([...shorthand, ...listed.map(create)])
}

/** Returns the webhooks that no connection could reach. */
function targetFaults(
  { WEBHOOK_URL, NOTIFICATIONS_ALLOW_ADDRESSES: allow }: DestinationsSettings['config'],
  listed: readonly DestinationText[],
): ConfigurationFault[] {
  const faultOf = (url: string | undefined) => (url === undefined ? undefined : faultOfTarget(url, allow))
  const ofShorthand = faultOf(WEBHOOK_URL)
  const ofListed = listed.flatMap(({ name, webhook }) => {
    const problem = faultOf(webhook)
    return problem === undefined
      ? []
      : [{ variable: 'NOTIFICATIONS', problem: `destination ${JSON.stringify(name)}: "webhook" ${problem}` }]
  })
  return ofShorthand === undefined ? ofListed : [{ variable: 'WEBHOOK_URL', problem: ofShorthand }, ...ofListed]
}
