import type { Mutation } from './mutation.ts'

const FENCE = ['leaseCounter', 'leaseOwner', 'headgateSession', 'checkpoint', 'checkpointOwner'] as const
const list = (names: readonly string[]) => `const FENCE = [${names.map(name => `'${name}'`).join(', ')}]`

/** Who holds a lease, and what becomes of it. */
export const LEASES: readonly Mutation[] = [
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
    rule: 'a worker fences itself when its lease runs out',
    file: 'leases/held-lease.ts',
    text: 'if (now < this.#validUntil) return true',
    replacement: 'if (now < Number.POSITIVE_INFINITY) return true',
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
    text: 'const mayHaveArrivedSince = this.#unconfirmedSince ?? sentAt',
    replacement: 'const mayHaveArrivedSince = sentAt',
    breaks: ['8'],
    from: 700,
  },
  {
    rule: 'a lease expires when its counter rests',
    file: 'leases/lease-expiry.ts',
    text: 'const isUnchanged = seen?.counter === counter && seen.owner === owner',
    replacement: 'const isUnchanged = seen !== undefined',
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
    text: 'const finalWrite = this.#unconfirmedFinalWrite\n',
    replacement: 'const finalWrite = undefined\n',
    breaks: ['rival'],
  },
  {
    rule: 'a lease that ran out before its take was answered is lost aloud',
    file: 'leases/held-lease.ts',
    text: '    do await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)\n    while (this.isValid())\n',
    replacement:
      '    while (this.isValid()) await this.#clock.sleep(this.#validUntil - this.#clock.now(), this.signal)\n',
    breaks: ['10'],
    from: 1190,
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
  },
  {
    rule: 'of two processes of one name the second one takes nothing',
    file: 'leases/assignment.ts',
    text: 'if (isOfAnotherRun(lease, input)) return isUnclaimed(lease)\n',
    replacement: '',
    breaks: ['10'],
    from: 300,
  },
  {
    rule: 'a worker that has a twin stops',
    file: 'leases/lease-scanner.ts',
    text: '    await this.#checkDuplicateWorker(leases)\n',
    replacement: '',
    breaks: ['10'],
    from: 1300,
  },
  {
    rule: 'a lease that was taken before it could be given up was taken, not given up',
    file: 'leases/held-lease.ts',
    text: 'finalWrite && !isStillOurs && mayFollow(finalWrite.row, current)',
    replacement: 'finalWrite && (!isStillOurs || mayFollow(finalWrite.row, current))',
    breaks: ['rival'],
    from: 1210,
  },
  {
    rule: 'who holds a lease and does not renew it has lost it after the failover time, not long after',
    file: 'leases/lease-expiry.ts',
    text: 'return this.#unchangedFor(lease, now) > this.#failoverMs\n',
    replacement: 'return this.#unchangedFor(lease, now) > 20 * this.#failoverMs\n',
    breaks: ['11'],
  },
  {
    rule: 'a lease table that is gone is made again',
    file: 'leases/lease-scanner.ts',
    text: '        if (this.#isTableMissing) await this.#recreateTable(signal)\n',
    replacement: '',
    breaks: ['10'],
  },
  {
    rule: 'a lease that was left to others in vain is taken beyond the share',
    file: 'leases/assignment.ts',
    text: ', ...beyond.filter(isLeftOver)',
    replacement: '',
    breaks: ['11'],
    from: 20_021_200,
  },
]
