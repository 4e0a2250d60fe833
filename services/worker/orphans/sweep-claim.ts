import { randomUUID } from 'node:crypto'
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { unlessRefused } from '../../uploads/records/conditional-write.ts'
import { itemKey, type UploadKey } from '../../uploads/records/store.ts'

/** The claim of this worker on a pass over a section of the bucket. */
export interface SweepClaim {
  section: number
  token: string
  /** Objects that are not newer were seen by earlier passes, or existed before the first one, in epoch ms. */
  from: number
  /** Newer objects are left to later passes, in epoch ms. */
  to: number
  /** Where an earlier claim of the same pass ended. */
  cursor?: string
  /** Pages that earlier claims of the same pass have listed. */
  pages: number
}

/**
 * The claims on the sweep, in an item for each section under an owner that no token has, in the table of uploads. One worker at a time runs
 * the pass of a section. If it dies, another worker continues it. Two workers at once would do no harm, only work twice. Methods that take
 * a signal reject when it fires.
 */
export interface SweepClaims {
  /** Claims a section until `until` if its pass is due. A new pass ends at `to`. All in epoch ms. */
  take(
    section: number,
    times: { now: number; until: number; to: number },
    signal?: AbortSignal,
  ): Promise<SweepClaim | undefined>
  /**
   * Records the progress of the pass and extends the claim. Resolves to false if another worker has the claim.
   *
   * @param pages how many pages the pass has listed
   */
  advance(
    turn: SweepClaim,
    progress: { cursor: string; pages: number; until: number },
    signal?: AbortSignal,
  ): Promise<boolean>
  /** Ends the pass. The next one is due at `nextAt`, in epoch ms. */
  finish(turn: SweepClaim, nextAt: number, signal?: AbortSignal): Promise<void>
  /** Releases the claim, so that another worker can continue at once. Rejects after two seconds: the claim also expires by itself. */
  release(turn: SweepClaim): Promise<void>
}

interface State {
  nextAt?: number
  claimedUntil?: number
  /** `to` of the last complete pass. */
  coveredTo?: number
  /** `to` of the current pass. */
  passTo?: number
  cursor?: string
  pages?: number
}

const OWNER = '#strays'

const RELEASE_TIMEOUT_MS = 2_000

const keyOf = (section: number) => ({ owner: OWNER, uploadId: `sweep-${section}` })

/** The item of the sweep of earlier versions, which swept the bucket as a whole. */
const WHOLE = { owner: OWNER, uploadId: 'sweep' }

export function createSweepClaims({ dynamodb, table }: { dynamodb: DynamoDBClient; table: string }): SweepClaims {
  /** When each section may be due, in epoch ms, as far as this worker knows. */
  const notBefore = new Map<number, number>()

  async function read(key: UploadKey, abortSignal: AbortSignal | undefined): Promise<State | undefined> {
    const command = new GetItemCommand({ TableName: table, Key: itemKey(key) })
    const { Item } = await dynamodb.send(command, abortSignal && { abortSignal })
    return Item && unmarshall(Item)
  }

  async function update(
    section: number,
    change: string,
    condition: string,
    values: Record<string, unknown>,
    abortSignal: AbortSignal | undefined,
  ): Promise<State | undefined> {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: itemKey(keyOf(section)),
      UpdateExpression: change,
      ConditionExpression: condition,
      ExpressionAttributeNames: names(`${change} ${condition}`),
      ExpressionAttributeValues: marshall(values),
      ReturnValues: 'ALL_NEW',
    })
    const reply = await unlessRefused(() => dynamodb.send(command, abortSignal && { abortSignal }))
    return reply && unmarshall(reply.Attributes ?? {})
  }

  const MINE = '#token = :token'

  return {
    async take(section, { now, until, to }, signal) {
      if ((notBefore.get(section) ?? 0) > now) return undefined
      // Usually no pass is due, and a read is cheaper than a rejected write.
      const found = await read(keyOf(section), signal)
      const { nextAt = 0, claimedUntil = 0 } = found ?? {}
      notBefore.set(section, Math.max(nextAt, claimedUntil))
      if (nextAt > now || claimedUntil > now) return undefined
      // Objects from before the first pass are ignored: their records may be in another table.
      const before = found ? to : ((await read(WHOLE, signal))?.coveredTo ?? to)
      const token = randomUUID()
      const state = await update(
        section,
        'SET #token = :token, #claimedUntil = :until, #passTo = if_not_exists(#passTo, :to), #coveredTo = if_not_exists(#coveredTo, :before)',
        '(attribute_not_exists(#nextAt) OR #nextAt <= :now) AND (attribute_not_exists(#claimedUntil) OR #claimedUntil <= :now)',
        { ':token': token, ':until': until, ':to': to, ':before': before, ':now': now },
        signal,
      )
      if (!state) return undefined
      const { coveredTo = before, passTo = to, cursor, pages = 0 } = state
      return { section, token, from: coveredTo, to: passTo, pages, ...(cursor !== undefined && { cursor }) }
    },

    async advance({ section, token }, { cursor, pages, until }, signal) {
      const change = 'SET #cursor = :cursor, #pages = :pages, #claimedUntil = :until'
      const values = { ':token': token, ':cursor': cursor, ':pages': pages, ':until': until }
      return (await update(section, change, MINE, values, signal)) !== undefined
    },

    async finish({ section, token, to }, nextAt, signal) {
      const change = 'SET #coveredTo = :to, #nextAt = :nextAt REMOVE #token, #claimedUntil, #passTo, #cursor, #pages'
      await update(section, change, MINE, { ':token': token, ':to': to, ':nextAt': nextAt }, signal)
      notBefore.set(section, nextAt)
    },

    async release({ section, token }) {
      // The signal of the sweep has usually fired.
      const signal = AbortSignal.timeout(RELEASE_TIMEOUT_MS)
      await update(section, 'REMOVE #token, #claimedUntil', MINE, { ':token': token }, signal)
    },
  }
}

/** Maps `#token` to `token` and so on, because some of the names are reserved words of DynamoDB. */
function names(expression: string): Record<string, string> {
  return Object.fromEntries([...expression.matchAll(/#(\w+)/g)].map(([placeholder, name = '']) => [placeholder, name]))
}
