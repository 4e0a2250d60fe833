import type { Mutation } from './mutation.ts'

/** The fields of the fence, each with the first seed of the mutation that drops it. */
const FIRST_SEEDS = { leaseCounter: 1, leaseOwner: 10, headgateSession: 1, checkpoint: 27, checkpointOwner: 8 }
const FENCE = Object.keys(FIRST_SEEDS)
const list = (names: readonly string[]) => `const FENCE = [${names.map(name => `'${name}'`).join(', ')}]`

/** Rules about who holds a lease. */
export const LEASES: readonly Mutation[] = [
  ...Object.entries(FIRST_SEEDS).map(
    ([dropped, from]): Mutation => ({
      rule: `a lease is written only while its ${dropped} is as it was read`,
      file: 'leases/lease-update.ts',
      text: list(FENCE),
      replacement: list(FENCE.filter(name => name !== dropped)),
      breaks: ['3'],
      from,
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
    rule: 'a worker fences itself when its lease expires',
    file: 'leases/held-lease.ts',
    text: 'if (now < this.#validUntil) return true',
    replacement: 'if (now < Number.POSITIVE_INFINITY) return true',
    breaks: ['8'],
  },
  {
    rule: 'the validity of a lease starts when its write was sent, not when the reply arrived',
    file: 'leases/held-lease.ts',
    text: '    this.#validUntil = sentAt + this.#failoverMs\n',
    replacement: '    this.#validUntil = this.#clock.now() + this.#failoverMs\n',
    breaks: ['8'],
    from: 98,
  },
  {
    rule: 'of several unconfirmed writes the first one counts',
    file: 'leases/held-lease.ts',
    text: 'const mayHaveArrivedSince = this.#unconfirmedSince ?? sentAt',
    replacement: 'const mayHaveArrivedSince = sentAt',
    breaks: ['8'],
    from: 534,
  },
  {
    rule: 'a lease expires when its counter does not change',
    file: 'leases/lease-expiry.ts',
    text: 'const isUnchanged = seen?.counter === counter && seen.owner === owner',
    replacement: 'const isUnchanged = seen !== undefined',
    breaks: ['10'],
  },
  {
    rule: 'a lost reply does not lose the lease',
    file: 'leases/held-lease.ts',
    text: 'if (!current || !this.#isOwnWrite(current, next)) {',
    replacement: 'if (!current || this.#isOwnWrite(current, next) || true) {',
    breaks: ['rival'],
  },
  {
    rule: 'a lease whose release lost its reply is not reported as taken',
    file: 'leases/held-lease.ts',
    text: 'const finalWrite = this.#unconfirmedFinalWrite\n',
    replacement: 'const finalWrite = undefined\n',
    breaks: ['rival'],
    from: 191,
  },
  {
    rule: 'a lease that expired before its take was confirmed is reported as lost',
    file: 'leases/held-lease.ts',
    text: '    do await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)\n    while (this.isValid())\n',
    replacement:
      '    while (this.isValid()) await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)\n',
    breaks: ['10'],
    from: 751,
  },
  {
    rule: 'leases are renewed',
    file: 'leases/lease-keeper.ts',
    text: '      await lease.heartbeat(progress())\n',
    replacement: '      progress()\n',
    breaks: ['10'],
  },
  {
    rule: 'a lease moves only if the numbers of leases of two workers then differ less',
    file: 'leases/assignment.ts',
    text: 'largest.length - mine < 2',
    replacement: 'largest.length - mine < 1',
    breaks: ['10'],
  },
  {
    rule: 'where the application started stays in its leases',
    file: 'leases/lease.ts',
    text: 'checkpoint: progress, ownerSwitchesSinceCheckpoint: 0 }',
    replacement: 'checkpoint: progress, ownerSwitchesSinceCheckpoint: 0, startAt: undefined }',
    breaks: ['start'],
    from: 314,
  },
  {
    rule: 'of two processes with one worker id the second one takes no lease',
    file: 'leases/assignment.ts',
    text: 'if (isOfAnotherRun(lease, input)) return isUnclaimed(lease)\n',
    replacement: '',
    breaks: ['10'],
    from: 78,
  },
  {
    rule: 'a worker with a duplicate stops',
    file: 'leases/lease-scanner.ts',
    text: '    await this.#checkDuplicateWorker(leases)\n',
    replacement: '',
    breaks: ['10'],
    from: 339,
  },
  {
    rule: 'a lease that was taken before its release is reported as taken',
    file: 'leases/held-lease.ts',
    text: 'finalWrite && !isStillOurs && hasArrived(finalWrite, current)',
    replacement: 'finalWrite && (!isStillOurs || hasArrived(finalWrite, current))',
    breaks: ['rival'],
    from: 984,
  },
  {
    rule: 'a lease that is not renewed expires after the failover time, not much later',
    file: 'leases/lease-expiry.ts',
    text: '> (isAssigned ? this.#firstRenewalMs : this.#failoverMs)\n',
    replacement: '> (isAssigned ? this.#firstRenewalMs : 20 * this.#failoverMs)\n',
    breaks: ['11'],
  },
  {
    rule: 'a deleted lease table is created again',
    file: 'leases/lease-scanner.ts',
    text: '        if (this.#isTableMissing) await this.#recreateTable(signal)\n',
    replacement: '',
    breaks: ['10'],
    from: 70,
  },
  {
    rule: 'a lease that nobody else took is taken beyond the share',
    file: 'leases/assignment.ts',
    text: ', ...beyond.filter(isLeftOver)',
    replacement: '',
    breaks: ['10', '11'],
    from: 679,
  },
  {
    rule: 'in a table that several streams share, a worker ignores the leases of the others',
    file: 'leases/lease-item.ts',
    text: 'if (identifier === streamIdentifier) {\n',
    replacement: 'if ((identifier === undefined) === (streamIdentifier === undefined)) {\n',
    breaks: ['1', '2', '3', '5', '6', '7', '10', 'rival', 'crash'],
  },
  {
    rule: 'in a table that several streams share, a lease key contains the stream',
    file: 'leases/lease-item.ts',
    text: 'key: { [LEASE_KEY]: { S: `',
    replacement: 'key: { [LEASE_KEY]: { S: shardId || `',
    breaks: ['1', '2', '3', '5', '6', '7', '10', 'rival', 'crash'],
  },
]
