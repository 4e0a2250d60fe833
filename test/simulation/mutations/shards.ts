import type { Mutation } from './mutation.ts'

/** Which shards are to be read, from where on and in which order. */
export const SHARDS: readonly Mutation[] = [
  {
    rule: 'a child waits for its parents',
    file: 'shards/lease-plan.ts',
    text: '(isSequence(lease.checkpoint) || mayBegin(lease))',
    replacement: '(isSequence(lease.checkpoint) || mayBegin(lease) || true)',
    breaks: ['2', '5'],
  },
  {
    rule: 'a parent without a lease that is still in the stream is not done',
    file: 'shards/lease-plan.ts',
    text: 'return behindUs.has(parentId) || (known.has(leaseKey) && !listed.has(parentId))',
    replacement: 'return true',
    breaks: ['2', '5'],
  },
  {
    rule: 'only a list with the child in it proves that a parent is trimmed',
    file: 'shards/lease-plan.ts',
    text: '(known.has(leaseKey) && !listed.has(parentId))',
    replacement: '!listed.has(parentId)',
    breaks: ['2', '5'],
  },
  {
    rule: 'a shard that is trimmed itself waits for no trimmed parent',
    file: 'shards/lease-plan.ts',
    text: '(known.has(leaseKey) &&',
    replacement: '(listed.has(leaseKey) &&',
    breaks: ['10'],
    from: 110_470,
  },
  {
    rule: 'nobody waits for a parent of which no lease will be made',
    file: 'shards/lease-plan.ts',
    text: 'return behindUs.has(parentId) || ',
    replacement: 'return ',
    breaks: ['10'],
  },
  {
    rule: 'the leases of the children exist before SHARD_END',
    file: 'shard-consumer.ts',
    text: '        await createChildLeases(children)\n',
    replacement: '',
    breaks: ['6'],
  },
  {
    rule: 'what LATEST means is settled when the lease is made',
    file: 'shards/initial-position.ts',
    text: '{ checkpoint: LATEST, startAt: tip }',
    replacement: '{ checkpoint: LATEST, startAt: undefined }',
    breaks: ['1', '2', '10'],
  },
  {
    rule: 'LATEST is not ahead of the clock of the stream',
    file: 'shards/tip.ts',
    text: "      await stream.getIterator(shardId, { type: 'AT_TIMESTAMP', at: new Date(now - back) })\n",
    replacement: '',
    breaks: ['1', '2', '10'],
  },
  {
    rule: 'leases are planned from a read that is not old',
    file: 'shards/shard-sync.ts',
    text: 'store.list({ consistent: true })',
    replacement: 'store.list()',
    breaks: ['1', '2', '5', '10'],
  },
  {
    rule: 'a closed shard is left out only where the application starts at LATEST by this very plan',
    file: 'shards/lease-plan.ts',
    text: '!(isFirst && closed)',
    replacement: '!(place.startAt !== undefined && closed)',
    breaks: ['1', '2', '5', '10'],
  },
  {
    rule: 'an application that has leases has started, whatever its configuration says',
    file: 'shards/shard-sync.ts',
    text: 'const place = this.#started ?? firstPlace(initialPosition, tip)',
    replacement:
      'const place = firstPlace(initialPosition, tip === 0 ? this.#settings.wallClock() : tip)\n    this.#started = undefined',
    breaks: ['1', '2', '5', '10'],
  },
  {
    rule: 'at a timestamp the children wait for their parents too',
    file: 'checkpoint.ts',
    text: 'sequenceNumber !== TRIM_HORIZON.sequenceNumber && sequenceNumber !== AT_TIMESTAMP.sequenceNumber',
    replacement: 'sequenceNumber !== TRIM_HORIZON.sequenceNumber',
    breaks: ['1', '2', '5', '10'],
  },
  {
    rule: 'sequence numbers are compared as numbers',
    file: 'checkpoint.ts',
    text: '  if (a.length !== b.length) return a.length - b.length\n',
    replacement: '',
    breaks: ['1', '2', '4', '10', 'resume'],
  },
]
