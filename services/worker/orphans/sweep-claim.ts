import { randomUUID } from 'node:crypto'
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { unlessRefused } from '../../uploads/records/conditional-write.ts'
import { itemKey } from '../../uploads/records/store.ts'

/** The claim of this worker on a pass over the bucket. */
export interface SweepClaim {
  token: string
  /** Objects that are not newer were seen by earlier passes, or existed before the first one, in epoch ms. */
  from: number
  /** Newer objects are left to later passes, in epoch ms. */
  to: number
  /** Where an earlier claim of the same pass ended. */
  cursor?: string
}

/**
 * The claim on the sweep, in an item of the table of uploads under an owner that no token has. One worker at a time runs a pass. If it
 * dies, another worker continues it. Two workers at once would do no harm, only work twice.
 */
export interface SweepClaims {
  /** Claims the sweep until `until` if a pass is due. A new pass ends at `to`. All in epoch ms. */
  take(times: { now: number; until: number; to: number }): Promise<SweepClaim | undefined>
  /** Records the progress of the pass and extends the claim. Resolves to false if another worker has the claim. */
  advance(turn: SweepClaim, cursor: string, until: number): Promise<boolean>
  /** Ends the pass. The next one is due at `nextAt`, in epoch ms. */
  finish(turn: SweepClaim, nextAt: number): Promise<void>
  /** Releases the claim, so that another worker can continue at once. */
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
}

const KEY = { owner: '#strays', uploadId: 'sweep' }

export function createSweepClaims({ dynamodb, table }: { dynamodb: DynamoDBClient; table: string }): SweepClaims {
  async function update(
    change: string,
    condition: string,
    values: Record<string, unknown>,
  ): Promise<State | undefined> {
    const command = new UpdateItemCommand({
      TableName: table,
      Key: itemKey(KEY),
      UpdateExpression: change,
      ConditionExpression: condition,
      ExpressionAttributeNames: names(`${change} ${condition}`),
      ExpressionAttributeValues: marshall(values),
      ReturnValues: 'ALL_NEW',
    })
    const reply = await unlessRefused(() => dynamodb.send(command))
    return reply && unmarshall(reply.Attributes ?? {})
  }

  const MINE = '#token = :token'

  return {
    async take({ now, until, to }) {
      // Usually no pass is due, and a read is cheaper than a rejected write.
      const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table, Key: itemKey(KEY) }))
      const { nextAt = 0, claimedUntil = 0 } = Item ? (unmarshall(Item) as State) : {}
      if (nextAt > now || claimedUntil > now) return undefined
      const token = randomUUID()
      const state = await update(
        // Objects from before the first pass are ignored: their records may be in another table.
        'SET #token = :token, #claimedUntil = :until, #passTo = if_not_exists(#passTo, :to), #coveredTo = if_not_exists(#coveredTo, :to)',
        '(attribute_not_exists(#nextAt) OR #nextAt <= :now) AND (attribute_not_exists(#claimedUntil) OR #claimedUntil <= :now)',
        { ':token': token, ':until': until, ':to': to, ':now': now },
      )
      if (!state) return undefined
      const { coveredTo = to, passTo = to, cursor } = state
      return { token, from: coveredTo, to: passTo, ...(cursor !== undefined && { cursor }) }
    },

    async advance({ token }, cursor, until) {
      const change = 'SET #cursor = :cursor, #claimedUntil = :until'
      return (await update(change, MINE, { ':token': token, ':cursor': cursor, ':until': until })) !== undefined
    },

    async finish({ token, to }, nextAt) {
      const change = 'SET #coveredTo = :to, #nextAt = :nextAt REMOVE #token, #claimedUntil, #passTo, #cursor'
      await update(change, MINE, { ':token': token, ':to': to, ':nextAt': nextAt })
    },

    async release({ token }) {
      await update('REMOVE #token, #claimedUntil', MINE, { ':token': token })
    },
  }
}

/** Maps `#token` to `token` and so on, because some of the names are reserved words of DynamoDB. */
function names(expression: string): Record<string, string> {
  return Object.fromEntries([...expression.matchAll(/#(\w+)/g)].map(([placeholder, name = '']) => [placeholder, name]))
}
