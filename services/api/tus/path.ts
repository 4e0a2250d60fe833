/** Where tus clients are pointed at: their `endpoint`. */
export const TUS_PATH = '/uploads/tus'
