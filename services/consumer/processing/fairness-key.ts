import type { ConsumerRecord } from '../record.ts'
import type { ShardContext } from './shard-context.ts'

/** The key of records that have none. */
const NO_KEY = ''

/**
 * Wraps the option `fairnessKey` so that it never throws: a record is handled whatever its fairness key is. An error, or a value that
 * is not a string, is reported as a fault, and the record shares the key of those without one.
 */
export function createFairnessKeyOf(
  fairnessKey: (record: ConsumerRecord) => string | undefined,
  { shardId, events }: Pick<ShardContext, 'shardId' | 'events'>,
): (record: ConsumerRecord) => string {
  return record => {
    try {
      const key: unknown = fairnessKey(record)
      if (typeof key === 'string') return key
      if (key === undefined) return NO_KEY
      Promise.resolve(key).catch(() => undefined) // A promise is as wrong when it rejects, and nobody waits for it.
      throw new TypeError(`The fairnessKey must be a string or undefined, and is of the type ${typeof key}.`)
    } catch (error) {
      events.emit('fault', { operation: 'fairnessKey', shardId, error })
      return NO_KEY
    }
  }
}
