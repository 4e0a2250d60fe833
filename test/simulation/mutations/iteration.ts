import type { Mutation } from './mutation.ts'

/** Rules about the records of a loop. */
export const ITERATION: readonly Mutation[] = [
  {
    rule: 'a record of a loop is done only when it is committed',
    file: 'iteration/record-queue.ts',
    text: '    this.#taken.add(job)\n',
    replacement: '    this.#settle(job)\n',
    breaks: ['1', '2'],
  },
  {
    rule: 'a paused worker gives its loop no record',
    file: 'iteration/record-queue.ts',
    text: 'this.#pause.isPaused ? undefined : this.#shift()',
    replacement: 'this.#shift()',
    breaks: ['pause'],
    from: 202,
  },
  {
    rule: 'a loop gets no record of a shard whose lease has expired',
    file: 'iteration/record-queue.ts',
    text: 'this.#isClosed || !this.shard.mayStart() ?',
    replacement: 'this.#isClosed ?',
    breaks: ['8'],
    from: 247,
  },
  {
    rule: 'the signal of a record has fired once the lease has expired, also directly after a suspension',
    file: 'processing/shard-context.ts',
    text: '  shard.mayStart()\n  return of.signal\n',
    replacement: '  return of.signal\n',
    breaks: ['8'],
    from: 50,
  },
]
