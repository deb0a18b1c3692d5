/** Name of the backend in results. */
export const storeName = 'composefs'
