import type { Clock } from '../../../consumer/clock.ts'
import { classifyError, StreamReplyError } from '../../../consumer/index.ts'
import { classifyReadError } from '../../../consumer/stream.ts'
import { isNoStream, noStreamError } from './stream.ts'

export interface FaultSettings {
  streamName: string
  /** Retries for as long as reading fails. False: gives up after a minute, so that a script does not hang. */
  follow: boolean
  clock: Clock
  onNote(text: string): void
  /** Called with the error of a read that cannot succeed. */
  onFinal(error: unknown): void
}

export interface Faults {
  /** A read has failed, and is retried unless `onFinal` is called. */
  failed(shardId: string, operation: string, error: unknown): void
  /** A read of the shard has succeeded. */
  succeeded(shardId: string): void
}

const GIVE_UP_MS = 60_000

/** Decides which failed reads end the command, and notes the others once for each outage of a shard. */
export function createFaults({ streamName, follow, clock, onNote, onFinal }: FaultSettings): Faults {
  const failingSince = new Map<string, number>()
  /** Shards with an outage that was noted. */
  const noted = new Set<string>()
  let hasNotedThrottling = false

  function noteOnce(shardId: string, error: unknown): void {
    if (classifyReadError(error) !== 'throttled') {
      if (!noted.has(shardId)) onNote(`${shardId} cannot be read: ${describe(error)}. Reading is retried.`)
      noted.add(shardId)
    } else if (!hasNotedThrottling) {
      hasNotedThrottling = true
      onNote(`${shardId} is throttled, because other applications read it too. Its records appear later.`)
    }
  }

  return {
    failed(shardId, operation, error) {
      // GetRecords also reports a trimmed shard as not found. Only ListShards says that the stream is gone.
      if (operation === 'ListShards' && isNoStream(error)) return onFinal(noStreamError(streamName, error))
      if (isFinal(error)) return onFinal(error)
      noteOnce(shardId, error)
      const since = failingSince.get(shardId) ?? clock.now()
      failingSince.set(shardId, since)
      if (!follow && clock.now() - since >= GIVE_UP_MS) onFinal(error)
    },
    succeeded(shardId) {
      failingSince.delete(shardId)
      noted.delete(shardId)
    },
  }
}

/** Returns true if a retry cannot succeed, for example without a permission. */
function isFinal(error: unknown): boolean {
  if (error instanceof StreamReplyError) return false
  return classifyReadError(error) === 'other' && classifyError(error) !== 'dependency'
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.replace(/\.$/, '')}` : String(error)
}
