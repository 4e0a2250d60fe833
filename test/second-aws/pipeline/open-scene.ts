import type { Test } from 'tap'
import { Expectations } from '../scenario/expectations.ts'
import { type Scene, TRANSFORMS } from '../scenario/scene.ts'
import { type Fleet, startFleet } from '../support/fleet.ts'
import type { ServerName } from '../support/installed.ts'
import { type SecondAws, startSecondAws } from '../support/servers.ts'
import { createUser } from '../support/users.ts'

export interface OpenScene {
  server: SecondAws
  fleet: Fleet
  scene: Scene
}

/** Starts a server, an api, two workers and two users for the duration of the test. Prints the versions. */
export async function openScene(t: Test, name: ServerName): Promise<OpenScene> {
  const server = await startSecondAws(t, name)
  t.comment(server.versions)
  const env = { TRANSFORMS, GRANT_PARTS_ABOVE_BYTES: String(8 * 1024 ** 2) }
  const fleet = await startFleet(t, server, { env })
  const { UPLOAD_BUCKET = '', PROCESSED_BUCKET = '', UPLOADS_TABLE = '' } = fleet.account.env
  const scene: Scene = {
    api: fleet.api,
    user: await createUser(server, fleet.account, 'ann@example.com'),
    other: await createUser(server, fleet.account, 'bob@example.com'),
    expected: new Expectations({
      uploadBucket: UPLOAD_BUCKET,
      processedBucket: PROCESSED_BUCKET,
      table: UPLOADS_TABLE,
    }),
  }
  return { server, fleet, scene }
}
