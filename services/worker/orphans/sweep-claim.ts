import { randomUUID } from 'node:crypto'
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { unlessRefused } from '../../uploads/records/conditional-write.ts'
import { itemKey } from '../../uploads/records/store.ts'

/** A pass over the bucket that this worker has for a while. */
export interface SweepClaim {
  token: string
  /** Objects that are not newer were looked at by passes before, or were there before the first, in epoch ms. */
  from: number
  /** Objects that are newer are for passes to come, in epoch ms. */
  to: number
  /** Where a worker before this one came to. */
  cursor?: string
}

/**
 * Whose turn it is, in an item of the table beside the records: of an owner that no token can name. One worker at a time is at a
 * pass; when it dies another goes on where it was. Two at once would do no harm, only twice the work.
 */
export interface SweepClaims {
  /** Takes the turn until `until`, where a pass is due. A new one goes as far as `to`. All in epoch ms. */
  take(times: { now: number; until: number; to: number }): Promise<SweepClaim | undefined>
  /** Writes down how far the pass has come, and holds on to the turn. Resolves to false where it is another's. */
  advance(turn: SweepClaim, cursor: string, until: number): Promise<boolean>
  /** The pass has come to its end, and the next is due at `nextAt`, in epoch ms. */
  finish(turn: SweepClaim, nextAt: number): Promise<void>
  /** Lets another worker go on at once. */
  release(turn: SweepClaim): Promise<void>
}

interface State {
  nextAt?: number
  claimedUntil?: number
  /** Of the last pass that came to its end. */
  coveredTo?: number
  /** Of the pass under way. */
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
      // Most workers find most times that it is not due, and a read is cheaper than a write that is refused.
      const { Item } = await dynamodb.send(new GetItemCommand({ TableName: table, Key: itemKey(KEY) }))
      const { nextAt = 0, claimedUntil = 0 } = Item ? (unmarshall(Item) as State) : {}
      if (nextAt > now || claimedUntil > now) return undefined
      const token = randomUUID()
      const state = await update(
        // What was there before the first pass is nobody's business: another table may have had its records.
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

/** `#token` for `token`, and so on: some of the words are DynamoDB's. */
function names(expression: string): Record<string, string> {
  return Object.fromEntries([...expression.matchAll(/#(\w+)/g)].map(([placeholder, name = '']) => [placeholder, name]))
}
