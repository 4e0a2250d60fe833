import { account } from '../../services/local/account.ts'
import { startDynamoDbLocal } from '../java/dynamodb-local.ts'
import { javaArguments, missingPrograms } from '../java/programs.ts'
import type { Child } from '../lib/child.ts'
import { startJavaChild } from '../lib/java-child.ts'
import { type SizeProfile, streamOf } from '../source/profile.ts'
import type { ConsumerContender, Servers } from './consumer-contenders.ts'

const NAME = 'kcl'

/** The version that `bench/java/kcl3/pom.xml` names. */
export const KCL_VERSION = '3.5.1'

/**
 * Resolves to the reason why KCL cannot run here, or to undefined if it can. Builds its program, which downloads its
 * libraries the first time.
 */
export async function whyWithoutKcl(quick: boolean): Promise<string | undefined> {
  if (quick) return 'a quick run starts no Java'
  if (process.platform !== 'linux') return 'its CPU time is read from /proc, which exists only on Linux'
  const missing = missingPrograms()
  if (missing.length > 0) return `it needs Java 17 and Maven, and cannot find ${missing.join(' and ')}`
  try {
    await javaArguments('kcl3')
    await javaArguments('dynamodb')
    return undefined
  } catch (error) {
    return `it could not be built: ${error instanceof Error ? error.message.split('\n')[0] : error}`
  }
}

/** Starts a DynamoDB for KCL 3, which needs an index that dynalite does not support. */
export function startLeaseTableForKcl(onEnd: (close: () => unknown) => void): Promise<number> {
  return startDynamoDbLocal({ teardown: onEnd })
}

/** @param dynamodb the endpoint of its lease table */
export function kcl(dynamodb: string): ConsumerContender {
  return {
    name: NAME,
    does: `the Kinesis Client Library ${KCL_VERSION} for Java as its guide builds a worker, over CBOR and HTTP/1.1: 200 ms between reads, its minimum, a checkpoint every 3 s; CPU time of the whole JVM from /proc, in steps of 10 ms, after twice the warm-up`,
    warmUp: 2,
    start: (profile, servers) => startKcl(profile, { ...servers, dynamodb }),
  }
}

function startKcl(profile: SizeProfile, { source, dynamodb }: Servers): Promise<Child> {
  const stream = streamOf(NAME, profile)
  return startJavaChild(`${NAME} at ${profile.label}`, 'kcl3', {
    AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    AWS_REGION: account.region,
    INTEROP_KINESIS_ENDPOINT: source.http,
    INTEROP_DYNAMODB_ENDPOINT: dynamodb,
    INTEROP_STREAM: stream,
    INTEROP_APPLICATION: stream,
    INTEROP_WORKER_ID: NAME,
    INTEROP_FAILOVER_MS: '10000',
    INTEROP_INITIAL_POSITION: 'TRIM_HORIZON',
    INTEROP_RECORDS_PER_ROUND: String(profile.recordsPerReply * profile.repliesPerRound),
  })
}
