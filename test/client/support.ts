import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { Headgate, type HeadgateOptions } from '../../services/client/index.ts'
import { buildTestApi, createTestUser, type Overrides, type TestApi, type TestUser } from '../api/support.ts'
import type { TestAws } from '../support/aws.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'

export interface Scene {
  client: Headgate
  user: TestUser
  api: TestApi
  /** Between the client and the api. */
  apiProxy: FaultProxy
  /** Between the client and S3. */
  s3Proxy: FaultProxy
}

/** Starts an api, a user and a client, with a proxy in front of the api and one in front of S3. */
export async function startScene(
  t: Pick<Test, 'teardown'>,
  aws: TestAws,
  { client = {}, ...overrides }: Overrides & { client?: Partial<HeadgateOptions> } = {},
): Promise<Scene> {
  const s3Proxy = await startFaultProxy(t, aws.endpoints.s3)
  const api = await buildTestApi(t, aws, {
    ...overrides,
    env: { S3_PUBLIC_ENDPOINT: s3Proxy.url, GRANT_PARTS_ABOVE_BYTES: String(16 * 1024 ** 2), ...overrides.env },
  })
  const apiProxy = await startFaultProxy(t, api.url)
  const user = await createTestUser(aws)
  const getToken = () => user.accessToken
  return { client: new Headgate({ url: apiProxy.url, getToken, ...client }), user, api, apiProxy, s3Proxy }
}

export const MIB = 1024 ** 2

export const bytesOf = (size: number): Buffer<ArrayBuffer> => randomBytes(size) as Buffer<ArrayBuffer>

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
