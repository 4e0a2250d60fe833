import { setImmediate as pass } from 'node:timers/promises'
import t from 'tap'
import type { BudgetAccount } from '../../../services/consumer/fetching/budget-account.ts'
import { ByteBudget } from '../../../services/consumer/fetching/byte-budget.ts'
import { SeededRandom } from '../../simulation/random.ts'

const KIB = 1024
const TOTAL = 4 * KIB ** 2
const MAX_ACCOUNTS = 8
const STEPS = 150

/** A shard that fetches: it reserves memory, raises the reservation for a large reply, and frees records later. */
interface Shard {
  account: BudgetAccount
  stop: AbortController
  isWaiting: boolean
}

t.test('whatever shards do, none waits for memory that it could have', async t => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new SeededRandom(seed).next
    const below = (limit: number) => Math.floor(random() * limit)
    const budget = new ByteBudget(TOTAL)
    const shards: Shard[] = []
    const waitFor = (shard: Shard, asked: Promise<unknown>) => {
      shard.isWaiting = true
      void asked.then(() => {
        shard.isWaiting = false
      })
    }

    const step = (): string => {
      const shard = shards[below(shards.length)]
      if (!shard || (shards.length < MAX_ACCOUNTS && random() < 0.1)) {
        shards.push({ account: budget.open(), stop: new AbortController(), isWaiting: false })
        return 'open'
      }
      const { account, stop } = shard
      if (random() < 0.03) {
        account.close()
        shards.splice(shards.indexOf(shard), 1)
        return 'close'
      }
      if (account.used > 0 && random() < 0.5) {
        account.free(random() < 0.5 ? account.used : 1 + below(account.used))
        return 'free'
      }
      if (shard.isWaiting) {
        if (random() < 0.8) return 'wait'
        stop.abort()
        shard.stop = new AbortController()
        return 'stop'
      }
      if (account.reserved === 0) {
        const size = {
          bytes: 1 + below(random() < 0.2 ? TOTAL : 256 * KIB),
          isKnown: random() < 0.8,
          isBehind: random() < 0.8,
        }
        waitFor(shard, account.reserve(size, stop.signal))
        return 'reserve'
      }
      if (random() < 0.3) {
        waitFor(shard, account.raise(account.reserved + 1 + below(TOTAL / 2), stop.signal))
        return 'raise'
      }
      const bytes = random() < 0.3 ? 0 : below(account.reserved + 1)
      account.settle(bytes)
      account.add(bytes)
      account.settle()
      return 'receive'
    }

    for (let count = 0; count < STEPS; count++) {
      const done = step()
      await pass()
      for (const { account, isWaiting } of shards) {
        if (!isWaiting) continue
        const before = account.held
        account.wake()
        if (account.held !== before) return t.fail(`seed ${seed}, step ${count} (${done}): a shard was not woken`)
      }
    }
  }
  t.pass('every shard that could go on was woken')
})
