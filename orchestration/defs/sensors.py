sensors = []
