import { type Check, failed, ok, skipped } from '../check.ts'
import { API_URL_ADVICE, probeApi } from '../http.ts'

export const apiWithoutToken: Check = {
  id: 'api-without-token',
  endpointVariable: 'API_URL',
  title: 'the api refuses who has no token',
  async run({ config, signal }) {
    if (config.API_URL === undefined) return skipped('API_URL is not set')
    const { status, by, url } = await probeApi(config.API_URL, signal)
    if (status === 401) return ok(`${url} answers 401, from ${by}`)
    if (status === 200) {
      return failed(
        `${url} answers 200 without a token`,
        'Something that is not the api answers there: check API_URL. The api itself never does.',
      )
    }
    const advice =
      // A REST API answers 403 to a path that it does not have.
      status === 404 || (status === 403 && by !== 'the api')
        ? API_URL_ADVICE
        : 'See the log of the api, and of the API Gateway in front of it.'
    return failed(`${url} answers ${status} without a token, and 401 is expected`, advice)
  },
}
