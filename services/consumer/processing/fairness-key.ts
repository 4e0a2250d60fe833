import type { ConsumerRecord } from '../record.ts'
import { NO_KEY } from './lane-of.ts'
import type { ShardContext } from './shard-context.ts'

/**
 * Wraps the option `fairnessKey` so that it never throws, because every record must be handled. An error, or a value
 * that is not a string, is reported as a fault, and the record shares the key of records without one.
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
      Promise.resolve(key).catch(() => undefined) // A promise is also invalid. Its rejection is handled here because nobody waits for it.
      throw new TypeError(`The fairnessKey must be a string or undefined but is of type ${typeof key}.`)
    } catch (error) {
      events.emit('fault', { operation: 'fairnessKey', shardId, error })
      return NO_KEY
    }
  }
}
