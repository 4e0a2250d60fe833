import type { Invariant } from './invariants.ts'

/** A mistake to make in the sources of the consumer, and the invariants of which one must find it. */
export interface Mutation {
  /** The rule that is dropped. */
  readonly rule: string
  /** Below services/consumer. */
  readonly file: string
  /** Found once in the file. */
  readonly text: string
  readonly replacement: string
  readonly breaks: readonly Invariant[]
}

const FENCE = ['leaseCounter', 'leaseOwner', 'headgateSession', 'checkpoint', 'checkpointOwner'] as const
const list = (names: readonly string[]) => `const FENCE = [${names.map(name => `'${name}'`).join(', ')}]`

export const MUTATIONS: readonly Mutation[] = [
  ...FENCE.map(
    (dropped): Mutation => ({
      rule: `a lease is written only while its ${dropped} is as it was read`,
      file: 'leases/lease-update.ts',
      text: list(FENCE),
      replacement: list(FENCE.filter(name => name !== dropped)),
      breaks: ['3'],
    }),
  ),
  {
    rule: 'every write of a lease raises its counter',
    file: 'leases/lease.ts',
    text: 'return { ...lease, leaseCounter: lease.leaseCounter + 1 }',
    replacement: 'return { ...lease }',
    breaks: ['3'],
  },
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
    text: 'return behindUs.has(parentId) || (listed.has(leaseKey) && !listed.has(parentId))',
    replacement: 'return true',
    breaks: ['2', '5'],
  },
  {
    rule: 'only a list with the child in it proves that a parent is trimmed',
    file: 'shards/lease-plan.ts',
    text: '(listed.has(leaseKey) && !listed.has(parentId))',
    replacement: '!listed.has(parentId)',
    breaks: ['2', '5'],
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
    rule: 'SHARD_END waits for every record',
    file: 'shard-consumer.ts',
    text: 'Promise.race([this.#processor.whenDrained(), ',
    replacement: 'Promise.race([Promise.resolve(), ',
    breaks: ['1'],
  },
  {
    rule: 'the watermark passes no gap',
    file: 'processing/watermark.ts',
    text: '    ticket.settled = true\n',
    replacement: '    ticket.settled = true\n    this.#reached = ticket.record\n',
    breaks: ['1'],
  },
  {
    rule: 'a record counts as done when its handler resolves',
    file: 'processing/record-runner.ts',
    text: '    return retryInMs === undefined ? this.#bury(job) : this.#later(retryInMs)\n',
    replacement: "    this.#settings.settle(job)\n    return 'done'\n",
    breaks: ['1', '2'],
  },
  {
    rule: 'the records of a key are handled one after the other',
    file: 'processing/shard-processor.ts',
    text: 'this.#lanes.add(record.partitionKey, ',
    replacement: 'this.#lanes.add(record.sequenceNumber + record.subSequenceNumber, ',
    breaks: ['2'],
  },
  {
    rule: 'a worker fences itself when its lease runs out',
    file: 'leases/held-lease.ts',
    text: 'if (now < this.#validUntil) return true',
    replacement: 'if (now < Number.POSITIVE_INFINITY) return true',
    breaks: ['8'],
  },
  {
    rule: 'a handler starts only under a lease that is valid now',
    file: 'shard-consumer.ts',
    text: 'mayStart: now => !this.#hasGivenUp && lease.isValid(now),',
    replacement: 'mayStart: () => true,',
    breaks: ['8'],
  },
  {
    rule: 'a lease is valid from when its write was sent, not from when its reply came',
    file: 'leases/held-lease.ts',
    text: '    this.#validUntil = sentAt + this.#failoverMs\n',
    replacement: '    this.#validUntil = this.#clock.now() + this.#failoverMs\n',
    breaks: ['8'],
  },
  {
    rule: 'of several writes in doubt the first counts',
    file: 'leases/held-lease.ts',
    text: 'const mayHaveArrivedSince = this.#doubtfulSince ?? sentAt',
    replacement: 'const mayHaveArrivedSince = sentAt',
    breaks: ['8'],
  },
  {
    rule: 'a lease expires when its counter rests',
    file: 'leases/observer.ts',
    text: 'const rests = seen?.counter === counter && seen.owner === owner',
    replacement: 'const rests = seen !== undefined',
    breaks: ['10'],
  },
  {
    rule: 'a lost reply is no lost lease',
    file: 'leases/held-lease.ts',
    text: 'if (!current || !this.#isOwnWrite(current, next)) {',
    replacement: 'if (!current || this.#isOwnWrite(current, next) || true) {',
    breaks: ['rival'],
  },
  {
    rule: 'a lease that was given up, though the reply was lost, was taken by nobody',
    file: 'leases/held-lease.ts',
    text: "(this.#doubtfulParting ?? 'taken by another worker')",
    replacement: "'taken by another worker'",
    breaks: ['rival'],
  },
  {
    rule: 'a lease that ran out before its take was answered is lost aloud',
    file: 'leases/held-lease.ts',
    text: '    do await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)\n    while (this.isValid())\n',
    replacement:
      '    while (this.isValid()) await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)\n',
    breaks: ['10'],
  },
  {
    rule: 'leases are renewed',
    file: 'leases/lease-keeper.ts',
    text: '      await lease.heartbeat(progress())\n',
    replacement: '      progress()\n',
    breaks: ['10'],
  },
  {
    rule: 'a lease moves only where that brings two workers nearer to each other',
    file: 'leases/assignment.ts',
    text: 'most.length - mine < 2',
    replacement: 'most.length - mine < 1',
    breaks: ['10'],
  },
  {
    rule: 'reading goes on at the checkpoint, not behind it',
    file: 'fetching/position.ts',
    text: "type: 'AT_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber",
    replacement: "type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: from.sequenceNumber",
    breaks: ['1', '2'],
  },
  {
    rule: 'what the checkpoint covers is dropped',
    file: 'processing/shard-processor.ts',
    text: 'compareCheckpoints(record, from) <= 0) continue',
    replacement: 'compareCheckpoints(record, from) < 0) continue',
    breaks: ['resume'],
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
    rule: 'where the application started stays in its leases',
    file: 'leases/lease.ts',
    text: 'checkpoint: progress, ownerSwitchesSinceCheckpoint: 0 }',
    replacement: 'checkpoint: progress, ownerSwitchesSinceCheckpoint: 0, startAt: undefined }',
    breaks: ['start'],
  },
  {
    rule: 'at a timestamp the children wait for their parents too',
    file: 'checkpoint.ts',
    text: 'sequenceNumber !== TRIM_HORIZON.sequenceNumber && sequenceNumber !== AT_TIMESTAMP.sequenceNumber',
    replacement: 'sequenceNumber !== TRIM_HORIZON.sequenceNumber',
    breaks: ['1', '2', '5', '10'],
  },
  {
    rule: 'of two processes of one name the second one takes nothing',
    file: 'leases/assignment.ts',
    text: 'if (isOfAnotherRun(lease, input)) return isUnclaimed(lease)\n',
    replacement: '',
    breaks: ['10'],
  },
  {
    rule: 'a worker that has a twin stops',
    file: 'leases/lease-scanner.ts',
    text: '    await this.#checkTwins(leases)\n',
    replacement: '',
    breaks: ['10'],
  },
  {
    rule: 'sequence numbers are compared as numbers',
    file: 'checkpoint.ts',
    text: '  if (a.length !== b.length) return a.length - b.length\n',
    replacement: '',
    breaks: ['1', '2', '4', '10', 'resume'],
  },
  {
    rule: 'an iterator is made anew after a fault',
    file: 'fetching/fetch-shard.ts',
    text: "      if (fault !== 'throttled') iterator = undefined\n",
    replacement: '',
    breaks: ['10'],
  },
  {
    rule: 'a null iterator without children is no end of a shard',
    file: 'fetching/fetch-shard.ts',
    text: 'const children = childrenTold(shardId, reply)',
    replacement: 'const children = (await stream.listShards()).filter(one => one.parentShardIds.includes(shardId))',
    breaks: ['1'],
  },
  {
    rule: 'what a worker has drained counts against its budget until it has given the lease up',
    file: 'shard-consumer.ts',
    text: '    this.#giveUp.abort()\n',
    replacement: '    this.#giveUp.abort()\n    this.#settings.budget.close()\n',
    breaks: ['9'],
  },
  {
    rule: 'fetching waits for room in the budget',
    file: 'fetching/byte-budget.ts',
    text: 'hasRoom: used => this.#hasRoom(used),',
    replacement: 'hasRoom: () => true,',
    breaks: ['9'],
  },
]
